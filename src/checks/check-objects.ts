import { findingsOf } from "./check-mesh.ts";
import type { CheckedCluster, Finding, WrittenObject } from "./contracts.ts";
import { checkShapes } from "./object/check-shapes.ts";
import { viewObjects } from "./view/view-objects.ts";

/** A cluster as the mesh file has it, and what is to be applied to it. */
export interface ObjectsOfCluster extends Omit<CheckedCluster, "client" | "applied"> {
  readonly objects: readonly WrittenObject[];
}

/**
 * What would be wrong once these objects were applied and their pods ran, worst first. Checks that need what running
 * clusters say of themselves are left out. `now` is the time at which certificates are looked at.
 */
export function checkObjects(clusters: readonly ObjectsOfCluster[], now: number): readonly Finding[] {
  const shapes = clusters.map(({ name, objects }) => checkShapes(name, objects));
  return findingsOf(
    {
      clusters: clusters.map((cluster, index) => viewObjects(cluster, shapes[index]?.sound ?? [])),
      unread: [],
      controlPlanes: undefined,
      now,
    },
    { isRunning: false, before: shapes.flatMap(({ findings }) => findings) },
  );
}
