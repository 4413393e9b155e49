import type { HeadError } from "../http1/parse-head.ts";
import { newFacts } from "./facts.ts";
import type { HttpConnection } from "./http-connection.ts";

/** Logs a request that was refused before it could be read: all that is known of it is why. */
export function logRefusal(connection: HttpConnection, refusal: HeadError, bytesSent: number): void {
  const { runtime, chain, chainName, downstream } = connection;
  if (chain.accessLogs.length === 0) return;
  const facts = newFacts(runtime.now(), downstream, chainName, {
    method: "",
    path: "",
    authority: "",
    hasHost: false,
    scheme: "",
    headers: [],
    version: "HTTP/1.1",
    upgrade: undefined,
    contentLength: undefined,
  });
  facts.status = refusal.status;
  facts.details = refusal.details;
  facts.flags.push("DPE");
  facts.bytesSent = bytesSent;
  facts.ended = facts.started;
  for (const log of chain.accessLogs) {
    const line = log(facts);
    if (line !== undefined) runtime.log(line);
  }
}
