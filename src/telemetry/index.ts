/**
 * telemetry: what the traffic of a whole mesh is like, from what its parts say of themselves at standard endpoints.
 *
 * Main types: Telemetry, TrafficGraph, Traces.
 *
 * Reads Prometheus' text format over sockets and objects through KubeClient, and takes spans as collectors do; never looks inside a proxy, so that
 * either data plane and any upstream part can be measured.
 */
export { type AccessFilter, isWantedAccess } from "./access-log/access-filter.ts";
export {
  type AccessDestination,
  type AccessRecord,
  type AccessSide,
  destinationOf,
  sideOf,
} from "./access-log/access-record.ts";
export { parseAccessLine } from "./access-log/parse-access-line.ts";
export { responseFlagMeaning } from "./access-log/response-flags.ts";
export type {
  HttpHandler,
  InstantValue,
  RangeValues,
  Telemetry,
  TelemetryCluster,
  TelemetryOptions,
} from "./contracts.ts";
export type { Dashboards } from "./dashboards/dashboards.ts";
export { readExposition, readSeries } from "./exposition/read-exposition.ts";
export type { RequestSummary, WorkloadSummary } from "./graph/summarize-workloads.ts";
export type {
  GraphLevel,
  GraphOptions,
  TrafficEdge,
  TrafficGraph,
  TrafficNode,
} from "./graph/traffic-graph.ts";
export type { AccessEntry } from "./live/access-entry.ts";
export { createLive, type Live, type LiveOptions } from "./live/create-live.ts";
export type { TrailStep } from "./live/decision-trail.ts";
export type { LiveFilter, LiveRequest } from "./live/live-request.ts";
export { readRequests } from "./live/read-requests.ts";
export type { LogLine } from "./logs/log-line.ts";
export { followPodLogs, type PodLogsOptions, readPodLogs } from "./logs/pod-logs.ts";
export { startTelemetry } from "./start-telemetry.ts";
export type { TraceQuery } from "./traces/find-traces.ts";
export type { Span, SpanKind, Tags } from "./traces/span.ts";
export { type PlacedSpan, spansInOrder } from "./traces/spans-in-order.ts";
export type { Trace } from "./traces/trace.ts";
export { createTraces, type Traces, type TracesOptions } from "./traces/traces.ts";
