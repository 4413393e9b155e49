import type { Cluster, Gateway, Mesh } from "../mesh/index.ts";

/** Whether the cluster runs its own control plane. */
export function isPrimary(cluster: Cluster): boolean {
  return cluster.role === "workload" && cluster.primary === cluster.name;
}

/** Clusters that run mesh workloads, in the order of the file. */
export function workloadClusters(mesh: Mesh): Cluster[] {
  return [...mesh.clusters.values()].filter(({ role }) => role === "workload");
}

/** The cluster on which the others are registered; a mesh has one at most. */
export function managementCluster(mesh: Mesh): Cluster | undefined {
  return [...mesh.clusters.values()].find(({ role }) => role === "management");
}

/** Whether a control plane of another cluster reads this one. A provider's pods are seen in its consumer, and it has nothing of Istio. */
export function isRemote(cluster: Cluster): boolean {
  return cluster.role === "workload" && !isPrimary(cluster) && !isProvider(cluster);
}

/** Whether another cluster places pods on this one by a peering. */
export function isProvider({ consumer }: Cluster): boolean {
  return consumer !== undefined;
}

/** Clusters that `consumer` places pods on, in the order of the file. */
export function providersOf(mesh: Mesh, consumer: Cluster): Cluster[] {
  return workloadClusters(mesh).filter((cluster) => cluster.consumer === consumer.name);
}

/** Clusters that the control plane of `primary` reads as remotes, itself left out. */
export function remotesOf(mesh: Mesh, primary: Cluster): Cluster[] {
  return workloadClusters(mesh).filter((cluster) => isRemote(cluster) && cluster.primary === primary.name);
}

/** Whether some cluster is served by another one's control plane. */
export function hasRemotes(mesh: Mesh): boolean {
  return workloadClusters(mesh).some(isRemote);
}

/** Whether traffic between some clusters has to go through gateways. */
export function isMultiNetwork(mesh: Mesh): boolean {
  return new Set(workloadClusters(mesh).map(({ network }) => network)).size > 1;
}

/** Whether one Deployment is both the ingress and the east-west gateway. */
export function isShared({ gateways: { ingress, eastwest } }: Cluster): boolean {
  return eastwest !== undefined && ingress === eastwest;
}

/** Value of the label `istio` by which Gateway objects select a gateway's pods: its name without "istio-", as Istio's charts have it. */
export function gatewayLabel({ name }: Gateway): string {
  return name.replace(/^istio-(?=.)/, "");
}
