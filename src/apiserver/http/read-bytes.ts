import type { IncomingMessage } from "node:http";
import { bodyTooLarge } from "../status.ts";

/** Most bytes of a request's body, as in Kubernetes. */
const bodyLimit = 3 * 1024 * 1024;

/** Bytes of a body that are read although it is too large: a client that is cut off while it writes hears no answer. */
const discardLimit = 64 * 1024 * 1024;

/** The body of a request. Rejects with a 413 when it is too large: once it has passed, or at `discardLimit`. */
export function readBytes(request: IncomingMessage): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > discardLimit) return Promise.reject(bodyTooLarge(bodyLimit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyLimit) chunks.push(chunk);
      else chunks.length = 0;
      if (size <= discardLimit) return;
      request.pause();
      reject(bodyTooLarge(bodyLimit));
    });
    request.once("end", () => {
      if (size > bodyLimit) reject(bodyTooLarge(bodyLimit));
      else resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks));
    });
    request.once("error", reject);
    request.once("close", () => {
      if (!request.complete) reject(new Error("the client went away before its request was complete"));
    });
  });
}
