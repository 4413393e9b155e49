import type { MeshCluster } from "../../../src/console/api.ts";

/** How a cluster stands, as the colour of its dot. The word stands beside it. */
export function clusterTone({ state }: Pick<MeshCluster, "state">): "ok" | "warn" | "fail" | "stale" {
  return ({ ready: "ok", starting: "warn", failed: "fail", stopped: "stale" } as const)[state];
}

/** The word. */
export function clusterWord({ state }: Pick<MeshCluster, "state">): string {
  return state === "ready" ? "ok" : state;
}
