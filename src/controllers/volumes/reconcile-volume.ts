import type { Cluster } from "../core/cluster.ts";
import { volumeClaims, volumes } from "./volume-kinds.ts";

/** Says of one PersistentVolume whether it is free, and lets one go whose claim has gone: deleted, or kept as released. */
export async function reconcileVolume(cluster: Cluster, name: string): Promise<undefined> {
  const volume = cluster.store(volumes).get(name);
  if (volume === undefined || volume.metadata.deletionTimestamp !== undefined) return;
  const { claimRef, persistentVolumeReclaimPolicy = "Retain" } = volume.spec;
  const phase = volume.status?.phase ?? "Pending";
  if ((claimRef?.uid ?? "") === "") {
    if (phase !== "Available")
      await cluster.replace(volumes, { ...volume, status: { phase: "Available" } }, "status");
    return;
  }
  const claim = cluster.store(volumeClaims).get(claimRef?.name ?? "", claimRef?.namespace);
  if (claim?.metadata.uid === claimRef?.uid) return;
  // A store may not know yet what the API server does.
  const live = await cluster.client.get(volumeClaims, claimRef?.name ?? "", claimRef?.namespace);
  if (live?.metadata.uid === claimRef?.uid) return;
  if (persistentVolumeReclaimPolicy === "Delete") await cluster.remove(volumes, volume);
  else if (phase !== "Released")
    await cluster.replace(volumes, { ...volume, status: { phase: "Released" } }, "status");
}
