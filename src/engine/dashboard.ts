import { IsthmusError } from "../base/index.ts";
import { findAddons } from "./find-addons.ts";
import type { RunningMesh } from "./start-mesh.ts";

/** A page for people, by its address on this machine. */
export interface Dashboard {
  readonly cluster: string;
  readonly name: string;
  readonly url: string;
}

/** The pages of the add-on `name`, one for each cluster that it runs in. workload/not-found when it runs nowhere. */
export function addonDashboards(
  mesh: RunningMesh,
  name: string,
  cluster: string | undefined,
): readonly Dashboard[] {
  const addons = findAddons(mesh);
  const found = addons.filter(
    (addon) => addon.name === name && (cluster === undefined || addon.cluster === cluster),
  );
  // Kiali is the console here, which opens with a token.
  const opening = name === "kiali" ? new URL(mesh.console.url).search : "";
  if (found.length > 0)
    return found.map(({ cluster: home, url }) => ({ cluster: home, name, url: `${url}${opening}` }));
  const known = [...new Set(addons.map((addon) => addon.name))];
  throw new IsthmusError(
    "workload/not-found",
    `no add-on ${name} runs ${cluster === undefined ? "in this mesh" : `in ${cluster}`}`,
    {
      nextStep:
        known.length === 0
          ? "None runs here; the mesh file's addons list them. The page of a proxy or of istiod: isthmus dashboard deploy/NAME.NAMESPACE"
          : `There are ${known.join(", ")}.`,
    },
  );
}
