import type { Addon, Cluster } from "../../mesh/index.ts";
import type { ChartReference, CompiledItem } from "../compiled.ts";

type Values = Readonly<Record<string, unknown>>;

/** The chart of each add-on, as its project publishes it. */
const charts: Readonly<Record<Addon["name"], { readonly chart: string; readonly repo: string }>> = {
  prometheus: { chart: "prometheus", repo: "https://prometheus-community.github.io/helm-charts" },
  grafana: { chart: "grafana", repo: "https://grafana.github.io/helm-charts" },
  jaeger: { chart: "jaeger", repo: "https://jaegertracing.github.io/helm-charts" },
  kiali: { chart: "kiali-server", repo: "https://kiali.org/helm-charts" },
};

/** The add-ons of a cluster as references to their projects' charts. */
export function addons(cluster: Cluster): CompiledItem[] {
  return cluster.addons.map((addon): CompiledItem => {
    const chart: ChartReference = {
      name: addon.name,
      namespace: addon.namespace,
      ...charts[addon.name],
      values: valuesOf(addon, cluster),
      from: addon.from,
    };
    return { kind: "chart", wave: "manifests", chart };
  });
}

function valuesOf({ name, port }: Addon, cluster: Cluster): Values {
  const service = port === undefined ? {} : { service: { type: "NodePort", nodePort: port } };
  switch (name) {
    case "prometheus":
      // Without the parts that watch the cluster itself: only the mesh's metrics are wanted.
      return {
        ...(port === undefined ? {} : { server: service }),
        alertmanager: { enabled: false },
        "prometheus-pushgateway": { enabled: false },
        "prometheus-node-exporter": { enabled: false },
        "kube-state-metrics": { enabled: false },
      };
    case "grafana":
      return service;
    case "jaeger":
      return { allInOne: { enabled: true }, ...(port === undefined ? {} : { query: service }) };
    case "kiali":
      return {
        auth: { strategy: "anonymous" },
        ...(port === undefined
          ? {}
          : { deployment: { service_type: "NodePort" }, server: { node_port: port } }),
        ...externalServices(cluster),
      };
  }
}

/** Where kiali finds the other add-ons of its cluster. */
function externalServices({ addons: all }: Cluster): Values {
  const prometheus = all.find(({ name }) => name === "prometheus");
  return prometheus === undefined
    ? {}
    : { external_services: { prometheus: { url: `http://prometheus-server.${prometheus.namespace}` } } };
}
