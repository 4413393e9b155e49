import type { MeshCluster } from "../../../src/console/api.ts";

type Placed = Pick<MeshCluster, "name" | "network">;

/** What steers the proxies of a cluster, and what is worth knowing of that. */
export function controlPlane(
  {
    name,
    network,
    primary,
    role,
    registry,
    istioVersion,
  }: Pick<MeshCluster, "name" | "network" | "primary" | "role" | "registry" | "istioVersion">,
  /** Those that its primary may be among. */
  clusters: readonly Placed[],
): readonly [value: string, note: string] {
  if (role === "management") return ["none", "management only"];
  if (primary === name) return [`istiod ${istioVersion}`, "own"];
  const steering = clusters.find((one) => one.name === primary);
  const crosses = steering !== undefined && steering.network !== network;
  if (registry !== undefined && registry !== "synced") return [`istiod in ${primary}`, registry];
  return [`istiod in ${primary}`, crosses ? "by gateway" : ""];
}
