import type { Carried } from "../../istio-metrics/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { OwnMetadata } from "../filters/peer-metadata.ts";
import type { SpanSink } from "../tracing/span.ts";
import type { ExchangeFacts } from "./facts.ts";
import type { HttpStats } from "./http-stats.ts";

/** What exchanges and TCP connections need of the proxy that runs them. */
export interface ProxyRuntime {
  cluster(name: string): Cluster | undefined;
  /** Milliseconds since 1970. */
  now(): number;
  after(delay: number, action: () => void): () => void;
  /** Goes on serving, but HTTP clients are told to take another connection next time. */
  isLeaving(): boolean;
  isDraining(): boolean;
  /** One line of the access log. */
  log(line: string): void;
  /** The proxy's own address, as its node says. */
  readonly address: string;
  readonly ownMetadata: OwnMetadata;
  /** Counts a finished exchange for telemetry. */
  report(facts: ExchangeFacts, direction: Direction): void;
  /** Counts a connection of TCP while it lasts, instead of `report` at its end, which is when the result is called. */
  carry(facts: ExchangeFacts, direction: Direction, read: () => Carried): () => void;
  /** Takes the spans of traced requests. */
  readonly spans: SpanSink;
  httpStats(prefix: string): HttpStats;
}

/** Which side of the mesh a listener is on. */
export type Direction = "inbound" | "outbound" | "gateway";
