import { tellMetadata } from "../filters/peer-metadata.ts";
import type { RequestHead } from "../http/codec.ts";
import { defaultHeader, type Headers, header, setHeader } from "../http/headers.ts";
import type { HttpChain } from "../http/http-chain.ts";
import type { ExchangeFacts } from "./facts.ts";
import type { Route, Target } from "./route.ts";
import type { RouteTable } from "./route-table.ts";
import type { ResponseEdit } from "./run-filters.ts";
import type { Direction, ProxyRuntime } from "./runtime.ts";
import { answerOperation } from "./trace-operation.ts";

/** Where the answer's headers get their changes from. */
export interface ResponseContext {
  readonly chain: HttpChain;
  readonly runtime: ProxyRuntime;
  readonly facts: ExchangeFacts;
  readonly head: RequestHead;
  readonly target: Target | undefined;
  readonly route: Route | undefined;
  readonly table: RouteTable | undefined;
  readonly edits: readonly ResponseEdit[] | undefined;
  readonly direction: Direction;
  /** Name of the operation that the caller is told. */
  readonly operation: string | undefined;
}

/** Does to a response's headers, in place, what routes, filters and the connection manager want. */
export function finishHeaders(headers: Headers, context: ResponseContext): void {
  const { chain, runtime, facts, head, target, route, table, edits } = context;
  target?.response?.apply(headers, facts);
  if (route !== undefined) {
    route.response?.apply(headers, facts);
    route.host.response?.apply(headers, facts);
    if (route.host.attemptCountInResponse)
      setHeader(headers, "x-envoy-attempt-count", String(facts.attempts));
  }
  table?.response?.apply(headers, facts);
  if (edits !== undefined) for (const edit of edits) edit(headers);
  if (chain.peerMetadata?.tellsClient && facts.peerMetadata !== undefined)
    tellMetadata(headers, runtime.ownMetadata);
  if (chain.traces) answerOperation(headers, context.operation, context.direction);
  if (chain.serverHeader === "overwrite") setHeader(headers, "server", chain.serverName);
  else if (chain.serverHeader === "append-if-absent") defaultHeader(headers, "server", chain.serverName);
  defaultHeader(headers, "date", httpDate(runtime.now()));
  if (chain.via !== "") headers.push("via", chain.via);
  if (chain.requestIdInResponse) {
    const id = header(head.headers, "x-request-id");
    if (id !== undefined) setHeader(headers, "x-request-id", id);
  }
}

let dateSecond = 0;
let dateText = "";

/** The Date header; made once a second. */
export function httpDate(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
