import type { SourceCluster, SourceState } from "../contracts.ts";

/** What the workload clusters have, each once: one text for most meshes, a list where clusters differ. */
export function ofWorkloads({ clusters }: SourceState, field: (cluster: SourceCluster) => string): string {
  return [...new Set(clusters.filter(({ role }) => role === "workload").map(field))].join(", ");
}
