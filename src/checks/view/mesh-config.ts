import {
  type MeshConfig,
  type MeshNetworks,
  parseMeshConfig,
  parseMeshNetworks,
} from "../../discovery/index.ts";
import type { ClusterView } from "../contracts.ts";
import { systemNamespace } from "./labels.ts";

/** Istio's ConfigMap with MeshConfig, also that of a revision. */
const name = /^istio(-.+)?$/;

/** Istio's MeshConfig of a cluster; the defaults where it has none or one that is no YAML. */
export function meshConfigOf(cluster: ClusterView): MeshConfig {
  const defaults = { systemNamespace };
  try {
    return parseMeshConfig(dataOf(cluster, "mesh"), defaults);
  } catch {
    return parseMeshConfig("", defaults); // istiod says so itself, and goes on with what it had.
  }
}

/** Istio's MeshNetworks of a cluster, as meshConfigOf. */
export function meshNetworksOf(cluster: ClusterView): MeshNetworks {
  try {
    return parseMeshNetworks(dataOf(cluster, "meshNetworks"));
  } catch {
    return {};
  }
}

/** The ConfigMap with them. */
export function meshConfigMap({ configMaps }: ClusterView) {
  return configMaps.find(
    ({ metadata, data }) =>
      metadata.namespace === systemNamespace && name.test(metadata.name) && data?.["mesh"] !== undefined,
  );
}

function dataOf(cluster: ClusterView, key: "mesh" | "meshNetworks"): string {
  return meshConfigMap(cluster)?.data?.[key] ?? "";
}
