import { request } from "node:http";
import type { AdminAnswer } from "../contracts.ts";

/** /config_dump of a large mesh is tens of megabytes; more than this is cut off with an error. */
const mostBytes = 256 * 1024 * 1024;
const patience = 10_000;

/** Asks Envoy's admin interface on the unix socket `socketPath`. Rejects when Envoy does not answer. */
export function askAdmin(
  socketPath: string,
  pathAndQuery: string,
  method: string,
  signal?: AbortSignal,
): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath,
      path: pathAndQuery,
      method,
      agent: false,
      timeout: patience,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("Envoy's admin interface does not answer")));
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > mostBytes) response.destroy(new Error(`Envoy's answer is over ${mostBytes} bytes`));
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 500,
          contentType: response.headers["content-type"] ?? "text/plain",
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.end();
  });
}
