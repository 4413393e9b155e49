import { parseGoDuration } from "../../../base/index.ts";
import type { ConfigField } from "../config-field.ts";
import { checkDuration, checkNotNegative } from "./values.ts";

/** A ConnectionPoolSettings. */
export function checkConnectionPool(pool: ConfigField): void {
  if (!pool.isSet) return;
  const http = pool.field("http");
  const tcp = pool.field("tcp");
  if (!http.isSet && !tcp.isSet) pool.error("connection pool must have at least one field");
  const counts = [
    "http1MaxPendingRequests",
    "http2MaxRequests",
    "maxRequestsPerConnection",
    "maxRetries",
    "maxConcurrentStreams",
  ];
  for (const name of counts) checkNotNegative(http.field(name));
  checkDuration(http.field("idleTimeout"));
  if (http.field("h2UpgradePolicy").text === "UPGRADE" && http.field("useClientProtocol").isTrue)
    http
      .field("useClientProtocol")
      .error("use client protocol must not be true when H2UpgradePolicy is UPGRADE");
  const keepAlive = http.field("http2KeepAlive");
  for (const name of keepAlive.isSet ? ["interval", "timeout"] : []) {
    if (!keepAlive.field(name).isSet) keepAlive.field(name).error(`http2 keepalive ${name} is required`);
    checkDuration(keepAlive.field(name));
  }
  checkNotNegative(tcp.field("maxConnections"));
  checkDuration(tcp.field("connectTimeout"));
  checkDuration(tcp.field("maxConnectionDuration"));
  // 0s switches it off, as does whatever is not a whole millisecond.
  if ((parseGoDuration(tcp.field("idleTimeout").text) ?? 1) >= 1) checkDuration(tcp.field("idleTimeout"));
  for (const name of ["time", "interval"] as const) checkDuration(tcp.field("tcpKeepalive").field(name));
}
