import {
  type AccessDestination,
  type AccessRecord,
  destinationOf,
  sideOf,
} from "../access-log/access-record.ts";
import type { AccessEntry } from "./access-entry.ts";

/** A request from its caller's proxy to those of its callees. */
export interface JoinedRequest {
  /** Absent when the caller has no proxy, or its log was not read. */
  readonly caller: AccessEntry | undefined;
  /** In the order of their begin; more than one after retries, none when nobody got it. */
  readonly callees: readonly AccessEntry[];
}

/** Milliseconds by which clocks and rounding may differ. */
const tolerance = 50;

/**
 * Puts together what the proxies on both sides of each request wrote, by x-request-id, destination and time. Passed-on
 * connections are left out: they carry requests of others. Newest first.
 */
export function joinRequests(entries: readonly AccessEntry[]): JoinedRequest[] {
  const calleesById = new Map<string, AccessEntry[]>();
  const callers: AccessEntry[] = [];
  const alone: AccessEntry[] = [];
  for (const entry of entries) {
    const side = sideOf(entry.record);
    const { requestId } = entry.record;
    if (side === "client") callers.push(entry);
    else if (side === "server" && requestId === undefined) alone.push(entry);
    else if (side === "server" && requestId !== undefined)
      calleesById.set(requestId, [...(calleesById.get(requestId) ?? []), entry]);
  }
  // A chain of calls has one id: the caller that began last before a callee is the one that called it.
  const joined = callers
    .sort((a, b) => b.record.start - a.record.start)
    .map((caller): JoinedRequest => {
      const { requestId } = caller.record;
      const same = requestId === undefined ? [] : (calleesById.get(requestId) ?? []);
      const callees = same.filter((callee) => isCalleeOf(callee.record, caller.record));
      if (requestId !== undefined)
        calleesById.set(
          requestId,
          same.filter((one) => !callees.includes(one)),
        );
      return { caller, callees: callees.sort((a, b) => a.record.start - b.record.start) };
    });
  const rest = [...alone, ...[...calleesById.values()].flat()].map(
    (callee): JoinedRequest => ({ caller: undefined, callees: [callee] }),
  );
  return [...joined, ...rest].sort((a, b) => startOf(b) - startOf(a));
}

/** When a request began, in milliseconds since 1970. */
export function startOf({ caller, callees }: JoinedRequest): number {
  return (caller ?? callees[0])?.record.start ?? 0;
}

function isCalleeOf(callee: AccessRecord, caller: AccessRecord): boolean {
  return (
    callee.start >= caller.start - tolerance &&
    callee.start <= caller.start + caller.duration + tolerance &&
    isSamePlace(destinationOf(callee), destinationOf(caller))
  );
}

/** Hosts are compared where both are whole names; what an app wrote short may be either. */
function isSamePlace(a: AccessDestination, b: AccessDestination): boolean {
  const isWhole = (host: string | undefined) => host?.includes(".svc.") === true;
  return !isWhole(a.host) || !isWhole(b.host) || a.host === b.host;
}
