import { matchesLabelSelector } from "../../kube/index.ts";
import type { MeshConfig } from "./mesh-config.ts";
import type { WorldObjects } from "./objects.ts";

/** Whether the mesh has to do with a namespace of a cluster. */
export type IsDiscovered = (clusterId: string, namespace: string) => boolean;

/**
 * The namespaces that MeshConfig's discoverySelectors pick by their labels; undefined when there are none, so that
 * all count. Services and Istio's objects of other namespaces are as if they were not there.
 */
export function discoveredNamespaces(objects: WorldObjects, mesh: MeshConfig): IsDiscovered | undefined {
  const { discoverySelectors } = mesh;
  if (discoverySelectors.length === 0) return undefined;
  const picked = new Map<string, ReadonlySet<string>>();
  for (const { id, namespaces } of objects.clusters.values()) {
    const names = [...namespaces.values()].filter(({ metadata }) =>
      discoverySelectors.some((selector) => matchesLabelSelector(selector, metadata.labels ?? {})),
    );
    picked.set(id, new Set(names.map(({ metadata }) => metadata.name)));
  }
  return (clusterId, namespace) => picked.get(clusterId)?.has(namespace) === true;
}
