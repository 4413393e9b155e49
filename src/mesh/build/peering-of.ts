import type { WrittenMesh } from "../sections/mesh-section.ts";

/** The cluster that places pods on `provider` and whose control plane serves them; undefined for one that is no provider. */
export function consumerOf({ peerings = [], clusters }: WrittenMesh, provider: string): string | undefined {
  const primary = clusters?.get(provider)?.primary;
  return peerings.find((one) => one.provider === provider && one.consumer === primary)?.consumer;
}

/**
 * The network that a cluster is on. Pods that a consumer places on a provider keep its addresses, so a provider is on
 * its consumer's network; with `discovery: exports` every other cluster is on one of its own unless it says so.
 */
export function networkOf(mesh: WrittenMesh, name: string): string | undefined {
  const cluster = mesh.clusters?.get(name);
  if (cluster?.network !== undefined) return cluster.network;
  const consumer = consumerOf(mesh, name);
  if (consumer !== undefined && consumer !== name && consumerOf(mesh, consumer) === undefined)
    return networkOf(mesh, consumer);
  return mesh.discovery === "exports" && cluster?.role !== "management" ? name : undefined;
}
