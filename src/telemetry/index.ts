/**
 * telemetry: what the traffic of a whole mesh is like, from what its parts say of themselves at standard endpoints.
 *
 * Main types: Telemetry, TrafficGraph.
 *
 * Reads Prometheus' text format over sockets and objects through KubeClient; never looks inside a proxy, so that
 * either data plane and any upstream part can be measured.
 */
export type {
  HttpHandler,
  InstantValue,
  RangeValues,
  Telemetry,
  TelemetryCluster,
  TelemetryOptions,
} from "./contracts.ts";
export type {
  GraphLevel,
  GraphOptions,
  TrafficEdge,
  TrafficGraph,
  TrafficNode,
} from "./graph/traffic-graph.ts";
