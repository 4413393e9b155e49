import type { Addon, Cluster } from "../../../mesh/index.ts";
import type { ChartReference } from "../../compiled.ts";

type Values = Readonly<Record<string, unknown>>;

/** Add-ons that are installed by their project's chart. */
type ChartAddon = Exclude<Addon["name"], "jaeger" | "prometheus">;

/** The chart of each, as its project publishes it. */
const charts: Readonly<Record<ChartAddon, { readonly chart: string; readonly repo: string }>> = {
  grafana: { chart: "grafana", repo: "https://grafana.github.io/helm-charts" },
  kiali: { chart: "kiali-server", repo: "https://kiali.org/helm-charts" },
};

/** An add-on as a reference to its project's chart. */
export function chartOf(name: ChartAddon, addon: Addon, cluster: Cluster): ChartReference {
  return {
    name,
    namespace: addon.namespace,
    ...charts[name],
    values: valuesOf(name, addon, cluster),
    from: addon.from,
    isAddon: true,
  };
}

function valuesOf(name: ChartAddon, { port }: Addon, cluster: Cluster): Values {
  const service = port === undefined ? {} : { service: { type: "NodePort", nodePort: port } };
  switch (name) {
    case "grafana":
      return service;
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
    : { external_services: { prometheus: { url: `http://prometheus.${prometheus.namespace}:9090` } } };
}
