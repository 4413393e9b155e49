import type { Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Writes `text` and reads exactly one HTTP/1.1 response from the socket. */
export function exchange(socket: Socket, text: string | Buffer): Promise<RawResponse> {
  const answer = readResponse(socket);
  socket.write(text);
  return answer;
}

/** Reads one response: by content-length, chunks or the end of the connection. */
export function readResponse(socket: Socket, isHead = false): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const done = (response: RawResponse, used: number) => {
      leave();
      const rest = bytes.subarray(used);
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      resolve(response);
    };
    const look = (ended: boolean) => {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) {
        if (ended) {
          leave();
          reject(new Error(`connection ended after ${JSON.stringify(bytes.toString("latin1"))}`));
        }
        return;
      }
      const [line = "", ...fields] = bytes.toString("latin1", 0, end).split("\r\n");
      const headers = new Map(
        fields.map((field) => {
          const colon = field.indexOf(":");
          return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
        }),
      );
      const status = Number(line.split(" ")[1]);
      const start = end + 4;
      if (isHead || status === 204 || status === 304 || status < 200)
        return done({ status, headers, body: "" }, start);
      const length = headers.get("content-length");
      if (length !== undefined) {
        const stop = start + Number(length);
        if (bytes.length >= stop)
          done({ status, headers, body: bytes.toString("latin1", start, stop) }, stop);
        else if (ended) reject(new Error("connection ended inside a body"));
        return;
      }
      if (headers.get("transfer-encoding") === "chunked") {
        const read = readChunks(bytes, start);
        if (read !== undefined) done({ status, headers, body: read.body }, read.end);
        else if (ended) reject(new Error("connection ended inside a chunked body"));
        return;
      }
      if (ended) done({ status, headers, body: bytes.toString("latin1", start) }, bytes.length);
    };
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      look(false);
    };
    const onEnd = () => look(true);
    const onError = (reason: Error) => {
      leave();
      reject(reason);
    };
    const leave = () => {
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      socket.off("error", onError);
    };
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("close", onEnd);
    socket.on("error", onError);
    socket.resume();
  });
}

function readChunks(
  bytes: Buffer,
  from: number,
): { readonly body: string; readonly end: number } | undefined {
  let body = "";
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return undefined;
    if (size === 0) return { body, end: start + 2 };
    body += bytes.toString("latin1", start, start + size);
    at = start + size + 2;
  }
}
