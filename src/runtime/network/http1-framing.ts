/**
 * Just enough of HTTP/1.1 (RFC 9112) to see where messages begin and end on a connection. Strict where lenience
 * would let two readers of the same bytes disagree about that.
 */

/** The start line and the headers of a message. */
export interface Head {
  readonly startLine: string;
  /** Names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** How many bytes it takes, the empty line included. */
  readonly size: number;
}

/** Longest head that is read, in bytes. */
export const maxHeadBytes = 64 * 1024;

/** Reads the head at the start of `bytes`. Undefined: not all there yet. Throws RangeError on what is no head. */
export function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end > maxHeadBytes || (end < 0 && bytes.length > maxHeadBytes)) {
    throw new RangeError(`the head of the message is over ${maxHeadBytes} bytes`);
  }
  if (end < 0) return undefined;
  const [startLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = lines.map((line) => {
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line);
    if (match === null) throw new RangeError("a header line is malformed");
    return [match[1] ?? "", match[2] ?? ""] as const;
  });
  if (/[\r\n\0]/.test(startLine)) throw new RangeError("the start line is malformed");
  return { startLine, headers, size: end + 4 };
}

/** All values of a header, joined as a list; undefined when it is not there. */
export function headerOf(head: Head, name: string): string | undefined {
  const values = head.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

/** How the body of a message ends. */
export type BodyForm =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "untilClose" };

/** Form of a request's body. Throws RangeError when two headers contradict each other. */
export function requestBody(head: Head): BodyForm {
  return declaredBody(head) ?? { kind: "length", bytes: 0 };
}

/** Form of the body of the answer to a `method` request. Throws RangeError as requestBody does. */
export function responseBody(head: Head, status: number, method: string): BodyForm {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304)
    return { kind: "length", bytes: 0 };
  return declaredBody(head) ?? { kind: "untilClose" };
}

function declaredBody(head: Head): BodyForm | undefined {
  const coding = headerOf(head, "transfer-encoding");
  const length = headerOf(head, "content-length");
  if (coding !== undefined) {
    if (length !== undefined) throw new RangeError("both Content-Length and Transfer-Encoding");
    if (!/(^|,\s*)chunked$/i.test(coding)) throw new RangeError("Transfer-Encoding does not end in chunked");
    return { kind: "chunked" };
  }
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length)) throw new RangeError("Content-Length is not one number");
  return { kind: "length", bytes: Number(length) };
}

/** Follows a body through the chunks of a connection. */
export interface BodyReader {
  /** How many bytes of `chunk`, from `start` on, belong to the body. Throws RangeError on malformed chunks. */
  take(chunk: Buffer, start: number): number;
  readonly isDone: boolean;
}

/** A reader of a body of the given form. One that lasts until the connection closes is never done. */
export function createBodyReader(form: BodyForm): BodyReader {
  if (form.kind === "chunked") return createChunkReader();
  let left = form.kind === "length" ? form.bytes : Number.POSITIVE_INFINITY;
  return {
    take(chunk, start) {
      const taken = Math.min(left, chunk.length - start);
      left -= taken;
      return taken;
    },
    get isDone() {
      return left === 0;
    },
  };
}

function createChunkReader(): BodyReader {
  let state: "size" | "data" | "trailer" | "done" = "size";
  let line = "";
  let left = 0;
  const endLine = () => {
    if (state === "trailer") {
      if (line === "") state = "done";
    } else {
      const size = /^([0-9a-fA-F]{1,13})[ \t]*(;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw new RangeError("a chunk's size is malformed");
      const bytes = Number.parseInt(size, 16);
      // The data's own CRLF counts as part of it.
      left = bytes + 2;
      state = bytes === 0 ? "trailer" : "data";
    }
    line = "";
  };
  return {
    take(chunk, start) {
      let at = start;
      while (at < chunk.length && state !== "done") {
        if (state === "data") {
          const taken = Math.min(left, chunk.length - at);
          left -= taken;
          at += taken;
          if (left === 0) state = "size";
          continue;
        }
        const newline = chunk.indexOf(10, at);
        const end = newline < 0 ? chunk.length : newline;
        line += chunk.toString("latin1", at, end);
        if (line.length > maxHeadBytes) throw new RangeError("a chunk's line is too long");
        at = newline < 0 ? end : end + 1;
        if (newline < 0) continue;
        if (!line.endsWith("\r")) throw new RangeError("a chunk's line does not end in CRLF");
        line = line.slice(0, -1);
        endLine();
      }
      return at - start;
    },
    get isDone() {
      return state === "done";
    },
  };
}
