import { type IncomingHttpHeaders, request } from "node:http";
import { text } from "node:stream/consumers";
import type { PodNetwork } from "../contracts.ts";

/** Most that is read of an answer, in bytes. */
const mostBody = 1024 * 1024;

/**
 * A GET as the pod's app makes it: the name is resolved in the pod, and the sidecar takes the connection when there is
 * one. Rejects when there is no complete answer within `timeout` milliseconds.
 */
export async function requestAsApp(
  network: PodNetwork,
  url: URL,
  options: { readonly timeout: number; readonly headers?: Readonly<Record<string, string>> },
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }> {
  const signal = AbortSignal.timeout(options.timeout);
  const socket = await Promise.race([
    network.connect(url.hostname, Number(url.port || 80)),
    new Promise<never>((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
    ),
  ]);
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      createConnection: () => socket,
      headers: { ...options.headers, connection: "close" },
      signal,
    });
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > mostBody) incoming.destroy(new Error(`the answer is larger than ${mostBody} bytes`));
      });
      text(incoming).then(
        (body) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }),
        reject,
      );
    });
    outgoing.end();
  });
}
