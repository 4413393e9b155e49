import type { MeshCluster } from "../../../../src/console/api.ts";

/** Clusters that are drawn together. */
export interface Band {
  readonly title: string;
  readonly note?: string;
  readonly clusters: readonly MeshCluster[];
}

/** A band for each network, in the clusters' order, and one for those that only manage: they are on none. */
export function bandsOf(clusters: readonly MeshCluster[]): readonly Band[] {
  const managing = clusters.filter(({ role }) => role === "management");
  const working = clusters.filter(({ role }) => role === "workload");
  const networks = [...new Set(working.map(({ network }) => network))];
  return [
    ...networks.map((network) => ({
      title: network ?? "One flat network",
      ...(network === undefined ? { note: "pods reach each other directly" } : {}),
      clusters: working.filter((cluster) => cluster.network === network),
    })),
    ...(managing.length === 0
      ? []
      : [{ title: "Management", note: "runs no workloads", clusters: managing }]),
  ];
}
