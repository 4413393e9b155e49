import { type Headers, header, setHeader } from "../http/headers.ts";

/** Which requests are traced. */
export interface SamplingRules {
  /** Hundredths of a percent, of requests with x-client-trace-id, of those without any reason, and of all. */
  readonly client: number;
  readonly random: number;
  readonly overall: number;
  /** The x-request-id decides, so that every proxy on a request's way decides alike. */
  readonly byRequestId: boolean;
}

/** Where a UUID has its version (RFC 9562 4.2), which proxies replace by why a request is traced. */
const reasonAt = 14;
const reasons = { sampled: "9", forcedByService: "a", forcedByClient: "b", none: "4" } as const;

/**
 * Decides whether a request is traced, as far as the request itself does not carry a decision, and notes it in the
 * x-request-id for the proxies that follow.
 */
export function sampleRequest(
  headers: Headers,
  { client, random, overall, byRequestId }: SamplingRules,
): boolean {
  if (!byRequestId) return true;
  const id = header(headers, "x-request-id");
  if (id === undefined || !/^[0-9a-f]{8}/i.test(id)) return false;
  const share = Number.parseInt(id.slice(0, 8), 16) % 10_000;
  const before = reasonOf(id);
  let reason: string = before;
  if (reason === reasons.none) {
    if (share < client && header(headers, "x-client-trace-id") !== undefined) reason = reasons.forcedByClient;
    else if (header(headers, "x-envoy-force-trace") !== undefined) reason = reasons.forcedByService;
    else if (share < random) reason = reasons.sampled;
  }
  if (share >= overall) reason = reasons.none;
  if (reason !== before && id.length === 36)
    setHeader(headers, "x-request-id", `${id.slice(0, reasonAt)}${reason}${id.slice(reasonAt + 1)}`);
  return reason !== reasons.none;
}

function reasonOf(id: string): string {
  const noted = id.length === 36 ? id[reasonAt] : undefined;
  return Object.values(reasons).find((reason) => reason === noted) ?? reasons.none;
}
