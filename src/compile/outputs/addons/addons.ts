import { generated, type KubeObject } from "../../../kube/index.ts";
import type { Addon, Cluster } from "../../../mesh/index.ts";
import type { CompiledItem } from "../../compiled.ts";
import { chartOf } from "./charts.ts";
import { jaegerObjects } from "./jaeger.ts";
import { kialiObjects } from "./kiali.ts";
import { prometheusObjects } from "./prometheus.ts";

/** The add-ons of a cluster: plain objects as Istio's samples have them, or references to their projects' charts. */
export function addons(cluster: Cluster): CompiledItem[] {
  return cluster.addons.flatMap((addon) => itemsOf(addon, cluster));
}

function itemsOf(addon: Addon, cluster: Cluster): CompiledItem[] {
  const { name } = addon;
  switch (name) {
    case "jaeger":
      return objectItems(jaegerObjects(addon), addon);
    case "prometheus":
      return objectItems(prometheusObjects(addon, cluster), addon);
    case "kiali":
      return objectItems(kialiObjects(addon, cluster), addon);
    case "grafana":
      return [{ kind: "chart", wave: "manifests", chart: chartOf(addon) }];
  }
}

function objectItems(objects: readonly KubeObject[], { from }: Addon): CompiledItem[] {
  return objects.map((object) => ({
    kind: "object",
    wave: "manifests",
    from,
    object: generated(object, from),
  }));
}
