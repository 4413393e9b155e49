import type { Headers } from "../http/headers.ts";

const reasons: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  102: "Processing",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Payload Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Entity",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  511: "Network Authentication Required",
};

/** The reason phrase of a status code, as in a status line. */
export function reasonPhrase(status: number): string {
  return reasons[status] ?? "Unknown";
}

/** "HTTP/1.1 200 OK\r\n". */
export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
}

/** The fields as lines. Values never hold line ends: parsers refuse them and configuration is checked. */
export function fieldLines(headers: Headers): string {
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) lines += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return lines;
}

/** Longest body that is copied behind its head into one write; above, copying costs more than a second buffer. */
const maxJoined = 16 * 1024;

/** What a head needs of a socket. */
export interface ByteSink {
  write(chunk: Buffer): boolean;
  write(text: string, encoding: "latin1"): boolean;
  cork(): void;
  uncork(): void;
}

/** Writes `head` and `body` in as few system calls as is cheap. Returns what the socket's write returns. */
export function writeHeadAndBody(socket: ByteSink, head: string, body: Buffer, tail: string): boolean {
  const size = head.length + body.length + tail.length;
  if (size <= maxJoined) {
    const joined = Buffer.allocUnsafe(size);
    joined.write(head, 0, "latin1");
    joined.set(body, head.length);
    if (tail.length > 0) joined.write(tail, head.length + body.length, "latin1");
    return socket.write(joined);
  }
  socket.cork();
  socket.write(head, "latin1");
  let flowing = socket.write(body);
  if (tail.length > 0) flowing = socket.write(tail, "latin1");
  socket.uncork();
  return flowing;
}
