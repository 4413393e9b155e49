import type { Diagnostic } from "../base/index.ts";
import { ApiError, type KubeClient } from "../kube/index.ts";
import { findRelease } from "./helm/helm-release.ts";
import { type HelmReleaseName, isReleaseEntry } from "./helm/release-entry.ts";
import type { Inventory, InventoryEntry } from "./inventory.ts";
import { entryName, insideOf, inTurn, judgeLeftover, releaseFields } from "./leftovers.ts";
import type { ResourceMap } from "./resource-map.ts";

/** What became of the objects that left the mesh file. */
export interface Pruned {
  /** Deleted, in words: "Deployment sample/curl". */
  readonly deleted: readonly string[];
  /** What stays although isthmus made it, and why. */
  readonly warnings: readonly Diagnostic[];
}

export interface PruneOptions {
  /** Takes away a release that Helm installed. Absent: there are none. */
  uninstall?(release: HelmReleaseName): Promise<void>;
}

/**
 * Takes away what an earlier start applied and the mesh file no longer asks for. Deleted is only what isthmus itself
 * made and nobody has made anew since; of an object that was there before, isthmus gives up the fields that it set.
 * CustomResourceDefinitions stay, and so does a namespace in which something else is left: deleting them would delete
 * what others made with them.
 */
export async function prune(
  cluster: string,
  client: KubeClient,
  resources: ResourceMap,
  inventory: Inventory,
  { uninstall }: PruneOptions = {},
): Promise<Pruned> {
  const deleted: string[] = [];
  const warnings: Diagnostic[] = [];
  const settled: InventoryEntry[] = [];
  const keep = (entry: InventoryEntry, why: string, hint: string) =>
    warnings.push({
      severity: "warning",
      code: "mesh/object-kept",
      path: ["clusters", cluster],
      message: `${cluster}: ${entryName(entry)} is no longer in the mesh file and stays: ${why}`,
      hint,
    });

  const settle = async (entry: InventoryEntry, isOurs: boolean) => {
    if (isReleaseEntry(entry)) {
      // A release that was there before stays with its owner.
      if (!isOurs || uninstall === undefined) return;
      const release = { name: entry.name, namespace: entry.namespace ?? "default" };
      // It is listed before it is installed, which may have failed.
      if ((await findRelease(client, release.name, release.namespace)) === undefined) return;
      await uninstall(release);
      deleted.push(entryName(entry));
      return;
    }
    const verdict = await judgeLeftover({ client, resources }, entry, isOurs);
    switch (verdict.action) {
      case "nothing":
        return;
      case "release":
        return releaseFields(client, verdict.kind, verdict.present);
      case "keep":
        keep(
          entry,
          `${insideOf(verdict.inside)} in it`,
          `it is yours now: kubectl --context ${cluster} delete namespace ${entry.name} removes it with everything in it`,
        );
        return releaseFields(client, verdict.kind, verdict.present);
      case "delete": {
        const { uid } = verdict.present.metadata;
        await client.delete(verdict.kind, entry.name, {
          ...(entry.namespace === undefined ? {} : { namespace: entry.namespace }),
          propagationPolicy: "Background",
          ...(uid === undefined ? {} : { preconditions: { uid } }),
        });
        deleted.push(entryName(entry));
      }
    }
  };

  for (const { entry, isOurs } of inTurn(inventory.leftovers())) {
    try {
      await settle(entry, isOurs);
      settled.push(entry);
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      keep(entry, reason.message, "isthmus tries again the next time");
    }
  }
  await inventory.forget(settled);
  return { deleted, warnings };
}
