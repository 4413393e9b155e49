import type { Addon } from "../../../mesh/index.ts";
import type { ChartReference } from "../../compiled.ts";

/** Grafana as a reference to its project's chart. */
export function chartOf({ name, namespace, port, from }: Addon): ChartReference {
  return {
    name,
    namespace,
    chart: "grafana",
    repo: "https://grafana.github.io/helm-charts",
    values: port === undefined ? {} : { service: { type: "NodePort", nodePort: port } },
    from,
    isAddon: true,
  };
}
