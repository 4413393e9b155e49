import { generated, type KubeObject } from "../../../kube/index.ts";
import type { Addon, Cluster } from "../../../mesh/index.ts";
import type { CompiledItem } from "../../compiled.ts";
import type { ManifestContent } from "../../manifests/manifest-content.ts";
import { grafanaObjects } from "./grafana.ts";
import { jaegerObjects } from "./jaeger.ts";
import { kialiObjects } from "./kiali.ts";
import { prometheusObjects } from "./prometheus.ts";

/** The add-ons of a cluster: plain objects with the names that Istio's samples have. */
export function addons(cluster: Cluster, content: ManifestContent): CompiledItem[] {
  return cluster.addons.flatMap((addon) => itemsOf(addon, cluster, content));
}

function itemsOf(addon: Addon, cluster: Cluster, content: ManifestContent): CompiledItem[] {
  const { name } = addon;
  switch (name) {
    case "jaeger":
      return objectItems(jaegerObjects(addon), addon);
    case "prometheus":
      return objectItems(prometheusObjects(addon, cluster), addon);
    case "kiali":
      return objectItems(kialiObjects(addon, cluster), addon);
    case "grafana":
      return objectItems(grafanaObjects(addon, cluster, content), addon);
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
