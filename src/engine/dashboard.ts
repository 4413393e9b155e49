import { IsthmusError } from "../base/index.ts";
import { gatherStatus } from "./gather-status.ts";
import type { RunningMesh } from "./start-mesh.ts";

/** A page for people, by its address on this machine. */
export interface Dashboard {
  readonly cluster: string;
  readonly name: string;
  readonly url: string;
}

/** The pages of the add-on `name`, one for each cluster that it runs in. workload/not-found when it runs nowhere. */
export async function addonDashboards(
  mesh: RunningMesh,
  name: string,
  cluster: string | undefined,
): Promise<readonly Dashboard[]> {
  const { addons } = await gatherStatus(mesh);
  const found = addons.filter(
    (addon) => addon.name === name && (cluster === undefined || addon.cluster === cluster),
  );
  if (found.length > 0) return found;
  const known = [...new Set(addons.map((addon) => addon.name))];
  throw new IsthmusError(
    "workload/not-found",
    `no add-on ${name} runs ${cluster === undefined ? "in this mesh" : `in ${cluster}`}`,
    {
      nextStep:
        known.length === 0
          ? "None runs here yet. The page of a proxy or of istiod: isthmus dashboard deploy/NAME.NAMESPACE"
          : `There are ${known.join(", ")}.`,
    },
  );
}
