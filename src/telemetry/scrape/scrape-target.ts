import type { Labels } from "../store/labels.ts";

/** Where a page of metrics is answered. */
export type ScrapeAddress =
  | { readonly kind: "http"; readonly host: string; readonly port: number; readonly path: string }
  /** Of a cluster's Kubernetes API, for who may read it. */
  | { readonly kind: "api"; readonly path: string }
  /** Made here of a cluster's objects, as kube-state-metrics makes it. */
  | { readonly kind: "objects" };

/** Something that is scraped, as Prometheus names it. */
export interface ScrapeTarget {
  readonly cluster: string;
  /** Of each of its series: job, instance, cluster and what the target's object says. */
  readonly labels: Labels;
  readonly address: ScrapeAddress;
  /** Least milliseconds between two scrapes; default at every turn. */
  readonly every?: number;
  /** When its counters began at 0, in milliseconds since 1970, if it is known. */
  readonly startedAt?: number;
}

/** How the last scrape of a target went. */
export interface TargetState {
  readonly target: ScrapeTarget;
  readonly health: "up" | "down" | "unknown";
  /** Milliseconds since 1970; undefined before the first scrape. */
  readonly lastScrape: number | undefined;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** Why it failed. */
  readonly failure: string | undefined;
}

/** "http://10.0.0.1:15020/stats/prometheus", for people. */
export function addressText({ address, cluster }: ScrapeTarget): string {
  switch (address.kind) {
    case "http":
      return `http://${address.host}:${address.port}${address.path}`;
    case "api":
      return `https://${cluster}${address.path}`;
    default:
      return `https://${cluster}/`;
  }
}
