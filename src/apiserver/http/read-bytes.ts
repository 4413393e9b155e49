import type { IncomingMessage } from "node:http";
import { bodyTooLarge } from "../status.ts";

/** Most bytes of a request's body, as in Kubernetes. */
const bodyLimit = 3 * 1024 * 1024;

/** The body of a request. Rejects with a 413 as soon as it is known to be too large. */
export function readBytes(request: IncomingMessage): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > bodyLimit) return Promise.reject(bodyTooLarge(bodyLimit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyLimit) {
        request.pause();
        reject(bodyTooLarge(bodyLimit));
      } else chunks.push(chunk);
    });
    request.once("end", () =>
      resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)),
    );
    request.once("error", reject);
    request.once("close", () => {
      if (!request.complete) reject(new Error("the client went away before its request was complete"));
    });
  });
}
