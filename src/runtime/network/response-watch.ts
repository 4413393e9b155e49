import {
  type BodyReader,
  createBodyReader,
  type Head,
  headerOf,
  readHead,
  responseBody,
} from "./http1-framing.ts";

/** Follows the answers on a connection, to know when it is idle. The bytes themselves pass by untouched. */
export interface ResponseWatch {
  /** A request was sent; one answer is due. */
  expect(method: string): void;
  /** Looks at bytes of the server. `tunnelFrom` says that they switched the protocol (101). */
  take(chunk: Buffer): { readonly tunnelFrom?: true };
  /** Every request was answered in full. */
  readonly isIdle: boolean;
  /** Whether any byte came since the last request was sent. */
  readonly hasBegun: boolean;
  /** The connection will not serve another request: said so, or can't be followed any more. */
  readonly closes: boolean;
}

export function createResponseWatch(): ResponseWatch {
  const due: string[] = [];
  let pending: Buffer = Buffer.alloc(0);
  let body: BodyReader | undefined;
  let isLost = false;
  let closes = false;
  let hasBegun = false;

  const begin = (head: Head): boolean => {
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.startLine)?.[1]);
    if (Number.isNaN(status)) throw new RangeError("not an HTTP/1 answer");
    if (status === 101) return true;
    if (status < 200) return false;
    const form = responseBody(head, status, due[0] ?? "GET");
    const connection = headerOf(head, "connection") ?? "";
    if (form.kind === "untilClose" || /\bclose\b/i.test(connection) || head.startLine.startsWith("HTTP/1.0"))
      closes = true;
    body = createBodyReader(form);
    return false;
  };

  return {
    expect(method) {
      due.push(method);
      hasBegun = false;
    },
    take(chunk) {
      hasBegun = true;
      if (isLost) return {};
      try {
        let bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
        pending = Buffer.alloc(0);
        while (bytes.length > 0) {
          if (body === undefined) {
            const head = readHead(bytes);
            if (head === undefined) {
              pending = bytes;
              return {};
            }
            bytes = bytes.subarray(head.size);
            if (begin(head)) return { tunnelFrom: true };
          } else bytes = bytes.subarray(body.take(bytes, 0));
          if (body?.isDone === true) {
            body = undefined;
            due.shift();
          }
        }
      } catch {
        // Not ours to judge: the client gets the bytes, and the connection ends with the server's.
        isLost = true;
        closes = true;
      }
      return {};
    },
    get isIdle() {
      return due.length === 0 && body === undefined && !isLost;
    },
    get hasBegun() {
      return hasBegun;
    },
    get closes() {
      return closes;
    },
  };
}
