import type { RequestHead } from "../http/codec.ts";
import { setHeader } from "../http/headers.ts";
import type { ExchangeFacts } from "./facts.ts";
import type { ForwardAction, Route, Target } from "./route.ts";
import type { RouteTable } from "./route-table.ts";

/** Does to a request, in place, what its route wants before it goes upstream: headers, path, host. */
export function rewriteRequest(
  head: RequestHead,
  facts: ExchangeFacts,
  action: ForwardAction,
  target: Target,
  route: Route | undefined,
  table: RouteTable | undefined,
): void {
  const { headers } = head;
  // Most specific first, as Envoy does by default.
  const levels = [target.request, route?.request, route?.host.request, table?.request];
  for (const level of levels) level?.apply(headers, facts);
  if (route?.host.attemptCount) setHeader(headers, "x-envoy-attempt-count", "1");
  const host = levels.find((level) => level?.touchesHost)?.host;
  const { path } = head;
  action.rewrite(head);
  if (action.rewritesPath) setHeader(headers, "x-envoy-original-path", path);
  const literal = target.hostLiteral ?? action.hostLiteral;
  if (literal !== undefined) {
    setHeader(headers, "x-envoy-original-host", head.authority);
    head.authority = literal;
  }
  if (host !== undefined) head.authority = host(facts);
}
