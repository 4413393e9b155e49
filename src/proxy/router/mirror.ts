import type { RequestHead } from "../http/codec.ts";
import { appendHeader, setHeader } from "../http/headers.ts";
import { dropAnswer } from "./drop-answer.ts";
import type { Mirror } from "./route.ts";
import type { ProxyRuntime } from "./runtime.ts";

/**
 * Sends a copy of a finished request to another cluster and drops what comes back. Unless the mirror keeps the
 * host, it gets "-shadow", so that the receiver can tell copies from originals.
 */
export function mirrorRequest(
  runtime: ProxyRuntime,
  { cluster: name, keepsHost }: Pick<Mirror, "cluster" | "keepsHost">,
  original: RequestHead,
  body: readonly Buffer[],
): void {
  const cluster = runtime.cluster(name);
  const host = cluster?.pick({
    hash: undefined,
    originalDestination: undefined,
    tried: undefined,
    maxAttempts: 1,
  });
  if (cluster === undefined || host === undefined) return;
  const head: RequestHead = {
    ...original,
    authority: keepsHost ? original.authority : shadow(original.authority),
    headers: [...original.headers],
    upgrade: undefined,
  };
  setHeader(head.headers, "x-envoy-internal", "true");
  appendHeader(head.headers, "x-forwarded-for", runtime.address);
  const { sink } = dropAnswer(cluster, host);
  cluster.pool(host, cluster.config.protocol === "http2", undefined, head.authority).acquire({
    ready(connection) {
      const stream = connection.start(head, body.length === 0, sink);
      for (const [index, chunk] of body.entries()) stream.data(chunk, index === body.length - 1);
    },
    failed(reason) {
      sink.reset(reason, "");
    },
  });
}

function shadow(authority: string): string {
  const port = /:[0-9]+$/.exec(authority)?.[0] ?? "";
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}
