import type { Duplex } from "node:stream";
import type { Call } from "../http/call.ts";
import { serviceUnavailable } from "../status.ts";
import type { Target } from "../verbs/context.ts";
import { type ProxyParts, upstreamOf } from "./http-proxy.ts";

/** Headers that the app must not see: they are for this server alone. */
const dropped = new Set(["authorization", "cookie", "host"]);

/** Sends an upgrade (a WebSocket, usually) on to the app behind a proxy path, and joins the two connections. */
export async function proxyUpgrade(
  parts: ProxyParts,
  call: Call,
  target: Target,
  rest: string,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const upstream = upstreamOf(parts, target);
  const app = await upstream.open().catch((reason: unknown) => {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw serviceUnavailable(`error trying to reach service: ${why}`);
  });
  const query = call.query.size > 0 ? `?${call.query}` : "";
  const lines = Object.entries(call.headers)
    .filter(([name, value]) => value !== undefined && !dropped.has(name))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  app.write(`${call.method} /${rest}${query} HTTP/1.1\r\nhost: ${upstream.host}\r\n${lines.join("")}\r\n`);
  if (head.length > 0) app.write(head);
  for (const [from, to] of [
    [socket, app],
    [app, socket],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}
