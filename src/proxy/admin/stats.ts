import type { Cluster } from "../cluster/cluster.ts";
import { isHealthy } from "../cluster/host.ts";
import type { LiveListener } from "../listener/serve-connection.ts";
import type { HttpStats } from "../router/http-stats.ts";

/** One number of the proxy under Envoy's name, with its parts for Prometheus. */
export interface Stat {
  /** "cluster.outbound|80||x.upstream_cx_total". */
  readonly name: string;
  /** "cluster_upstream_cx_total". */
  readonly family: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly isGauge: boolean;
}

export interface StatSources {
  clusters(): Iterable<Cluster>;
  listeners(): Iterable<LiveListener>;
  http(): Iterable<readonly [string, HttpStats]>;
  /** Of the proxy itself: "server.uptime" and the like. */
  server(): Readonly<Record<string, number>>;
}

/** All counters and gauges, in the order of their names. */
export function collectStats(sources: StatSources): Stat[] {
  const stats: Stat[] = [];
  for (const cluster of sources.clusters()) {
    const { name } = cluster.config;
    const values: Record<string, number> = {
      ...cluster.stats,
      membership_total: cluster.hosts.length,
      membership_healthy: cluster.hosts.filter(isHealthy).length,
      max_host_weight: Math.max(0, ...cluster.hosts.map(({ weight }) => weight)),
    };
    add(stats, `cluster.${name}`, "cluster", { cluster_name: name }, values);
    add(
      stats,
      `cluster.${name}.circuit_breakers.default`,
      "cluster_circuit_breakers_default",
      { cluster_name: name },
      {
        cx_open: Number(cluster.stats.upstream_cx_active >= cluster.config.circuit.connections),
        rq_open: Number(cluster.circuit.requests >= cluster.config.circuit.requests),
      },
    );
  }
  for (const { compiled, stats: values } of sources.listeners()) {
    const address = `${compiled.address}_${compiled.port}`;
    add(stats, `listener.${address}`, "listener", { listener_address: address }, { ...values });
  }
  for (const [prefix, { rbac, ...values }] of sources.http()) {
    const labels = { http_conn_manager_prefix: prefix };
    add(stats, `http.${prefix}`, "http", labels, values);
    add(stats, `http.${prefix}.rbac`, "http_rbac", labels, Object.fromEntries(rbac));
  }
  for (const [name, value] of Object.entries(sources.server())) {
    stats.push({ name, family: name.replaceAll(".", "_"), labels: {}, value, isGauge: true });
  }
  return stats.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

const gauge = /_active$|_open$|^membership_(total|healthy)$|^max_host_weight$|_ejections_active$/;

function add(
  stats: Stat[],
  name: string,
  family: string,
  labels: Readonly<Record<string, string>>,
  values: Readonly<Record<string, number>>,
): void {
  for (const [key, value] of Object.entries(values)) {
    stats.push({
      // Envoy keeps TLS, outlier detection and the like one level deeper.
      name: `${name}.${key.replace(/^(ssl|outlier_detection)_/, "$1.")}`,
      family: `${family}_${key}`,
      labels,
      value,
      isGauge: gauge.test(key),
    });
  }
}

/** Envoy's line format. */
export function statsText(stats: readonly Stat[]): string {
  return stats.map(({ name, value }) => `${name}: ${value}\n`).join("");
}

/** Prometheus' text format, names as Envoy makes them. */
export function statsPrometheus(stats: readonly Stat[]): string {
  const families = new Map<string, Stat[]>();
  for (const stat of stats) {
    const family = families.get(stat.family);
    if (family === undefined) families.set(stat.family, [stat]);
    else family.push(stat);
  }
  let text = "";
  for (const [family, members] of families) {
    const name = `envoy_${family.replace(/[^a-zA-Z0-9_]/g, "_")}`;
    text += `# TYPE ${name} ${members[0]?.isGauge ? "gauge" : "counter"}\n`;
    for (const { labels, value } of members) {
      const pairs = Object.entries(labels).map(
        ([key, label]) => `${key}="${label.replace(/[\\"\n]/g, "\\$&")}"`,
      );
      text += `${name}{${pairs.join(",")}} ${value}\n`;
    }
  }
  return text;
}
