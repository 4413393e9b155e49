import { type AccessFilter, isWantedAccess } from "../access-log/access-filter.ts";
import { type AccessDestination, destinationOf } from "../access-log/access-record.ts";
import type { AccessEntry } from "./access-entry.ts";
import { decisionTrail, type TrailStep } from "./decision-trail.ts";
import { type JoinedRequest, startOf } from "./join-requests.ts";
import type { FindPlace } from "./places.ts";

/** One request, from its caller to its answer. */
export interface LiveRequest extends JoinedRequest, AccessDestination {
  /** The same for the same request, as long as it is remembered. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly start: number;
  /** As the caller's proxy tells it, or the callee's when there is none. */
  readonly seen: AccessEntry;
  /** Decision by decision. */
  readonly trail: readonly TrailStep[];
}

export interface LiveFilter extends AccessFilter {
  /** Clusters of the caller or a callee. */
  readonly clusters?: readonly string[];
  /** Default 100. */
  readonly limit?: number;
}

/** A joined request with all that is said of it. */
export function liveRequest(request: JoinedRequest, find: FindPlace): LiveRequest {
  const { caller, callees } = request;
  const seen = caller ?? callees[0];
  if (seen === undefined) throw new Error("a request that nobody saw");
  const { record, pod, namespace } = seen;
  return {
    ...request,
    id: `${record.requestId ?? ""}/${namespace}/${pod}/${record.start}/${record.downstreamRemoteAddress ?? ""}`,
    start: startOf(request),
    seen,
    ...destinationOf(record),
    trail: decisionTrail(caller, callees, find),
  };
}

/** Whether a request is wanted, by what any of its proxies says. */
export function isWantedRequest(
  { caller, callees }: JoinedRequest,
  { clusters, limit: _, ...filter }: LiveFilter,
): boolean {
  const all = caller === undefined ? callees : [caller, ...callees];
  return (
    all.some(({ record, namespace }) => isWantedAccess(record, namespace, filter)) &&
    (clusters === undefined || all.some(({ cluster }) => clusters.includes(cluster)))
  );
}
