import type { Bucket } from "../promql/quantile.ts";
import type { Labels } from "../store/labels.ts";
import { createMatcher } from "../store/matcher.ts";
import type { MetricStore } from "../store/metric-store.ts";
import type { TrafficEdge } from "./traffic-graph.ts";

/** One end of a flow, as Istio's metrics name it. "unknown" for what they don't know. */
export interface Party {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  /** Canonical service and revision. */
  readonly app: string;
  readonly version: string;
}

/** What one side reports of a flow. All a second. */
export interface Measured {
  requests: number;
  failed: number;
  /** Requests or connections that came over mutual TLS. Of those that are in neither this nor `plain` it is not known. */
  secured: number;
  /** Requests or connections that came without it. */
  plain: number;
  /** Requests or connections of which both identities are known. */
  identified: number;
  /** Connections, of TCP. */
  connections: number;
  /** By the source. */
  sent: number;
  received: number;
  durationSum: number;
  durationCount: number;
  readonly codes: Map<string, number>;
  readonly flags: Map<string, number>;
  readonly durations: Map<string, number>;
  /** Pairs of identities, parted by a blank. */
  readonly principals: Set<string>;
}

/** Traffic from one workload to another for one service, as both ends report it. */
export interface Flow {
  readonly source: Party;
  readonly destination: Party;
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string };
  readonly protocol: TrafficEdge["protocol"];
  /** Refused or lost before it came to a destination. */
  readonly isLost: boolean;
  readonly bySource: Measured;
  readonly byDestination: Measured;
}

/** Label value of what is not known. */
export const unknown = "unknown";

type Take = (measured: Measured, rate: number, labels: Labels) => void;

const metrics: readonly (readonly [name: string, take: Take])[] = [
  ["istio_requests_total", takeRequests],
  [
    "istio_request_duration_milliseconds_bucket",
    ({ durations }, rate, { le = "" }) => durations.set(le, (durations.get(le) ?? 0) + rate),
  ],
  [
    "istio_request_duration_milliseconds_sum",
    (measured, rate) => {
      measured.durationSum += rate;
    },
  ],
  [
    "istio_request_duration_milliseconds_count",
    (measured, rate) => {
      measured.durationCount += rate;
    },
  ],
  ["istio_request_bytes_sum", takeSent],
  ["istio_response_bytes_sum", takeReceived],
  // Istio names the two as the destination sees them.
  ["istio_tcp_received_bytes_total", takeSent],
  ["istio_tcp_sent_bytes_total", takeReceived],
  [
    "istio_tcp_connections_opened_total",
    (measured, rate, labels) => {
      measured.connections += rate;
      takeSecurity(measured, rate, labels);
    },
  ],
];

/**
 * All flows of which there are series after `seen`, with their rates after `from` up to `to`. In milliseconds since
 * 1970.
 */
export function readFlows(
  store: Pick<MetricStore, "select">,
  { seen, from, to }: { readonly seen: number; readonly from: number; readonly to: number },
): readonly Flow[] {
  const flows = new Map<string, Flow>();
  for (const [name, take] of metrics) {
    const matchers = [createMatcher("__name__", "=", name), createMatcher("reporter", "!=", "")];
    for (const series of store.select(matchers, seen, to)) {
      const { labels } = series;
      const flow = flowOf(labels, flows);
      const { amount, seconds } = series.increase(from, to);
      if (amount === 0) continue;
      take(
        labels["reporter"] === "destination" ? flow.byDestination : flow.bySource,
        amount / seconds,
        labels,
      );
    }
  }
  return [...flows.values()];
}

function flowOf(labels: Labels, flows: Map<string, Flow>): Flow {
  const known = ids.get(labels) ?? rememberId(labels);
  let flow = flows.get(known);
  if (flow === undefined) {
    flow = {
      source: partyOf(labels, "source"),
      destination: partyOf(labels, "destination"),
      service: {
        host: labels["destination_service"] ?? unknown,
        name: labels["destination_service_name"] ?? unknown,
        namespace: labels["destination_service_namespace"] ?? unknown,
      },
      protocol: protocolOf(labels),
      isLost: isLost(labels),
      bySource: nothing(),
      byDestination: nothing(),
    };
    flows.set(known, flow);
  }
  return flow;
}

const ids = new WeakMap<Labels, string>();
const partyLabels = ["cluster", "workload_namespace", "workload", "canonical_service", "canonical_revision"];
const idLabels = [
  ...["source", "destination"].flatMap((side) => partyLabels.map((label) => `${side}_${label}`)),
  "destination_service",
  "destination_service_name",
];

function rememberId(labels: Labels): string {
  const id = [...idLabels.map((name) => labels[name] ?? unknown), protocolOf(labels), isLost(labels)].join(
    "|",
  );
  ids.set(labels, id);
  return id;
}

function partyOf(labels: Labels, side: "source" | "destination"): Party {
  const [cluster = "", namespace = "", workload = "", app = "", version = ""] = partyLabels.map(
    (label) => labels[`${side}_${label}`] || unknown,
  );
  return { cluster, namespace, workload, app, version };
}

function protocolOf({ request_protocol: protocol }: Labels): TrafficEdge["protocol"] {
  return protocol === "grpc" || protocol === "tcp" ? protocol : "http";
}

/** Envoy's flags tell why there was no answer; of what arrived the destination is known. */
function isLost({ reporter, response_flags: flags = "-", destination_workload: workload }: Labels): boolean {
  return reporter !== "destination" && (workload ?? unknown) === unknown && isNamed(flags);
}

/** gRPC statuses that servers cause: unknown, deadline exceeded, unimplemented, internal, unavailable, data loss. */
const failures = new Set(["2", "4", "12", "13", "14", "15"]);

function takeRequests(measured: Measured, rate: number, labels: Labels): void {
  const {
    response_code: code = "0",
    grpc_response_status: status = "",
    response_flags: flags = "-",
  } = labels;
  const isGrpc = labels["request_protocol"] === "grpc";
  measured.requests += rate;
  const isFailed = code === "0" || code.startsWith("5") || (isGrpc && failures.has(status));
  if (isFailed) measured.failed += rate;
  const shown = isGrpc && status !== "" ? status : code;
  measured.codes.set(shown, (measured.codes.get(shown) ?? 0) + rate);
  if (isNamed(flags)) measured.flags.set(flags, (measured.flags.get(flags) ?? 0) + rate);
  takeSecurity(measured, rate, labels);
}

/**
 * Destinations know how they were reached. Sources always report "unknown", but have an identity of the other side only
 * by mutual TLS, so what a workload answered them without one came in plaintext. What it did not answer tells nothing.
 */
function takeSecurity(measured: Measured, rate: number, labels: Labels): void {
  const { source_principal: from = "", destination_principal: to = "" } = labels;
  const isIdentified = isNamed(from) && isNamed(to);
  const policy = labels["connection_security_policy"];
  if (policy === "mutual_tls" || (policy !== "none" && isIdentified)) measured.secured += rate;
  else if (policy === "none" || isAnsweredByWorkload(labels)) measured.plain += rate;
  if (!isIdentified) return;
  measured.identified += rate;
  measured.principals.add(`${from} ${to}`);
}

function isAnsweredByWorkload(labels: Labels): boolean {
  const { destination_workload: workload = "", response_code: code, response_flags: flags = "" } = labels;
  return isNamed(workload) && code !== "0" && !isNamed(flags);
}

/** "-" stands for no flags. */
function isNamed(value: string): boolean {
  return value !== "" && value !== unknown && value !== "-";
}

function takeSent(measured: Measured, rate: number): void {
  measured.sent += rate;
}

function takeReceived(measured: Measured, rate: number): void {
  measured.received += rate;
}

/** No traffic. */
export function nothing(): Measured {
  return {
    requests: 0,
    failed: 0,
    secured: 0,
    plain: 0,
    identified: 0,
    connections: 0,
    sent: 0,
    received: 0,
    durationSum: 0,
    durationCount: 0,
    codes: new Map(),
    flags: new Map(),
    durations: new Map(),
    principals: new Set(),
  };
}

/** Adds `part` of what `from` measured. */
export function addMeasured(to: Measured, from: Measured, part = 1): void {
  to.requests += from.requests * part;
  to.failed += from.failed * part;
  to.secured += from.secured * part;
  to.plain += from.plain * part;
  to.identified += from.identified * part;
  to.connections += from.connections * part;
  to.sent += from.sent * part;
  to.received += from.received * part;
  to.durationSum += from.durationSum * part;
  to.durationCount += from.durationCount * part;
  for (const field of ["codes", "flags", "durations"] as const)
    for (const [key, rate] of from[field]) to[field].set(key, (to[field].get(key) ?? 0) + rate * part);
  for (const pair of from.principals) to.principals.add(pair);
}

/** Requests, or what stands for them in TCP. */
export function volume(protocol: TrafficEdge["protocol"], measured: Measured): number {
  return protocol === "tcp" ? measured.connections : measured.requests;
}

export function isIdle({ requests, connections, sent, received }: Measured): boolean {
  return requests === 0 && connections === 0 && sent === 0 && received === 0;
}

export function bucketsOf({ durations }: Measured): Bucket[] {
  return [...durations].map(([le, count]) => ({
    bound: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le),
    count,
  }));
}
