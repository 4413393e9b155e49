import type { JsonObject } from "@bufbuild/protobuf";
import type { Cluster } from "../cluster/cluster.ts";
import type { Host } from "../cluster/host.ts";

/** /clusters?format=json: envoy.admin.v3.Clusters in proto JSON. */
export function clustersJson(clusters: Iterable<Cluster>): JsonObject {
  return { cluster_statuses: [...clusters].map(clusterStatus) };
}

function clusterStatus(cluster: Cluster): JsonObject {
  const { config, hosts } = cluster;
  return {
    name: config.name,
    added_via_api: true,
    ...(hosts.length === 0 ? {} : { host_statuses: hosts.map(hostStatus) }),
    circuit_breakers: {
      thresholds: [
        {
          max_connections: config.circuit.connections,
          max_pending_requests: config.circuit.pending,
          max_requests: config.circuit.requests,
          max_retries: config.circuit.retries,
        },
      ],
    },
    observability_name: `${config.name};`,
    ...(config.discovery === "eds" ? { eds_service_name: config.serviceName } : {}),
  };
}

function hostStatus(host: Host): JsonObject {
  const { stats } = host;
  const [region = "", zone = "", subZone = ""] = host.locality.split("/");
  const counter = (name: string, value: number): JsonObject => ({
    name,
    ...(value === 0 ? {} : { value: String(value) }),
  });
  return {
    address: { socket_address: { address: host.address, port_value: host.port } },
    stats: [
      counter("cx_connect_fail", stats.cxConnectFail),
      counter("cx_total", stats.cxTotal),
      counter("rq_error", stats.rqError),
      counter("rq_success", stats.rqSuccess),
      counter("rq_timeout", stats.rqTimeout),
      counter("rq_total", stats.rqTotal),
      { ...counter("cx_active", stats.cxActive), type: "GAUGE" },
      { ...counter("rq_active", host.active), type: "GAUGE" },
    ],
    health_status: {
      ...(host.outlier.ejected ? { failed_outlier_check: true } : {}),
      eds_health_status: edsHealth(host),
    },
    weight: host.weight,
    ...(host.hostname === undefined ? {} : { hostname: host.hostname }),
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    locality: {
      ...(region === "" ? {} : { region }),
      ...(zone === "" ? {} : { zone }),
      ...(subZone === "" ? {} : { sub_zone: subZone }),
    },
  };
}

function edsHealth(host: Host): string {
  return host.health.toUpperCase();
}

/** /clusters in Envoy's line format. */
export function clustersText(clusters: Iterable<Cluster>): string {
  let text = "";
  for (const cluster of clusters) {
    const { config, hosts } = cluster;
    const { name, circuit } = config;
    const line = (rest: string) => {
      text += `${name}::${rest}\n`;
    };
    line(`observability_name::${name};`);
    for (const priority of ["default", "high"]) {
      const of =
        priority === "default" ? circuit : { connections: 1024, pending: 1024, requests: 1024, retries: 3 };
      line(`${priority}_priority::max_connections::${of.connections}`);
      line(`${priority}_priority::max_pending_requests::${of.pending}`);
      line(`${priority}_priority::max_requests::${of.requests}`);
      line(`${priority}_priority::max_retries::${of.retries}`);
    }
    line("added_via_api::true");
    if (config.discovery === "eds") line(`eds_service_name::${config.serviceName}`);
    for (const host of hosts) {
      const [region = "", zone = "", subZone = ""] = host.locality.split("/");
      const facts: readonly (readonly [string, string | number])[] = [
        ["cx_active", host.stats.cxActive],
        ["cx_connect_fail", host.stats.cxConnectFail],
        ["cx_total", host.stats.cxTotal],
        ["rq_active", host.active],
        ["rq_error", host.stats.rqError],
        ["rq_success", host.stats.rqSuccess],
        ["rq_timeout", host.stats.rqTimeout],
        ["rq_total", host.stats.rqTotal],
        ["hostname", host.hostname ?? ""],
        ["health_flags", healthFlags(host)],
        ["weight", host.weight],
        ["region", region],
        ["zone", zone],
        ["sub_zone", subZone],
        ["canary", "false"],
        ["priority", host.priority],
        ["success_rate", -1],
        ["local_origin_success_rate", -1],
      ];
      for (const [key, value] of facts) line(`${host.key}::${key}::${value}`);
    }
  }
  return text;
}

function healthFlags(host: Host): string {
  const flags = [
    ...(host.outlier.ejected ? ["/failed_outlier_check"] : []),
    ...(host.health === "unhealthy" ? ["/failed_eds_health"] : []),
    ...(host.health === "draining" ? ["/eds_status_draining"] : []),
    ...(host.health === "degraded" ? ["/degraded_eds_health"] : []),
  ];
  return flags.length === 0 ? "healthy" : flags.join("");
}
