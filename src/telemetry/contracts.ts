import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Logger } from "../base/index.ts";
import type { KubeClient } from "../kube/index.ts";
import type { Dashboards } from "./dashboards/dashboards.ts";
import type { WorkloadSummary } from "./graph/summarize-workloads.ts";
import type { GraphOptions, TrafficGraph } from "./graph/traffic-graph.ts";

/** A cluster of the mesh as telemetry sees it. */
export interface TelemetryCluster {
  readonly name: string;
  /** The network its pods are on, unless they say another. */
  readonly network?: string;
  /** May fail while the cluster is away; what was measured before stays. */
  readonly client: KubeClient;
}

export interface TelemetryOptions {
  readonly clusters: readonly TelemetryCluster[];
  readonly clock: Clock;
  readonly log: Logger;
  /** How long samples are kept, in milliseconds. Default one hour. */
  readonly retention?: number;
  /** Milliseconds between two scrapes of a target. Default 5 s. */
  readonly scrapeInterval?: number;
}

/** Whether it was one for this handler; false leaves the request untouched. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/** One value of an instant query. */
export interface InstantValue {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number;
}

/** One line of a range query: values in order of time, where there are any. */
export interface RangeValues {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly { readonly at: number; readonly value: number }[];
}

/**
 * What is known of the traffic of a whole mesh: metrics that were scraped from its pods, control planes and API
 * servers, kept in bounded memory. A cluster that is away takes nothing of it away.
 */
export interface Telemetry {
  /** The Prometheus HTTP API under /api/v1, and /-/healthy and /-/ready. */
  readonly prometheusApi: HttpHandler;
  /** A page for people, that evaluates what they type. */
  readonly prometheusPage: HttpHandler;
  /** A set of dashboards on these metrics, empty at first. */
  createDashboards(): Dashboards;
  /** Evaluates PromQL at one moment, in milliseconds since 1970 (default now). query/wrong when it can't. */
  query(expression: string, at?: number): readonly InstantValue[];
  /** Evaluates PromQL from `start` to `end` every `step` milliseconds. query/wrong when it can't. */
  queryRange(
    expression: string,
    range: { readonly start: number; readonly end: number; readonly step: number },
  ): readonly RangeValues[];
  graph(options: GraphOptions): TrafficGraph;
  /** What each workload does, the busiest first. */
  workloads(options: Omit<GraphOptions, "level" | "withServices">): readonly WorkloadSummary[];
  /** Scrapes everything now instead of at the next turn; resolves when it is done. */
  scrape(): Promise<void>;
  stop(): Promise<void>;
}
