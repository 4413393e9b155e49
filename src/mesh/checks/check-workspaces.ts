import type { WrittenMesh } from "../sections/mesh-section.ts";
import { error, type Finding, nameHint, unknownCluster, warning } from "./finding.ts";

/** Workspaces: whom they name, and whether both sides agree. */
export function checkWorkspaces(
  { workspaces = new Map() }: WrittenMesh,
  clusterNames: ReadonlySet<string>,
): Finding[] {
  const owner = new Map<string, string>();
  return [...workspaces].flatMap(([name, workspace]) => {
    const path = ["workspaces", name];
    const { namespaces = [], exportTo = [], importFrom = [] } = workspace;
    const unknown = (["exportTo", "importFrom"] as const).flatMap((field) =>
      (field === "exportTo" ? exportTo : importFrom).flatMap((other, index) =>
        workspaces.has(other)
          ? []
          : [
              error(
                "mesh/unknown-workspace",
                [...path, field, index],
                `no workspace is called "${other}"`,
                nameHint(other, workspaces.keys()),
              ),
            ],
      ),
    );
    const halves = importFrom.flatMap((other, index) => {
      const offered = workspaces.get(other);
      if (offered === undefined || offered.exportTo?.includes(name)) return [];
      return [
        warning(
          "mesh/import-without-export",
          [...path, "importFrom", index],
          `"${other}" exports nothing to "${name}"`,
          `add ${name} to workspaces.${other}.exportTo`,
        ),
      ];
    });
    const byCluster = namespaces instanceof Map ? [...namespaces] : [];
    const clusters = byCluster.flatMap(([cluster]) =>
      clusterNames.has(cluster)
        ? []
        : [unknownCluster([...path, "namespaces", cluster], cluster, clusterNames, "key")],
    );
    const claimed =
      namespaces instanceof Map
        ? byCluster.flatMap(([cluster, list]) =>
            (list as readonly string[]).map((one) => [`${cluster}/${one}`, one] as const),
          )
        : [...clusterNames].flatMap((cluster) =>
            (namespaces as readonly string[]).map((one) => [`${cluster}/${one}`, one] as const),
          );
    const clashes = new Map<string, string>();
    for (const [where, namespace] of claimed) {
      const other = owner.get(where);
      if (other !== undefined && other !== name) clashes.set(namespace, other);
      else owner.set(where, name);
    }
    return [
      ...unknown,
      ...halves,
      ...clusters,
      ...[...clashes].map(([namespace, other]) =>
        error(
          "mesh/namespace-in-two-workspaces",
          [...path, "namespaces"],
          `namespace "${namespace}" is in the workspaces "${other}" and "${name}"`,
          "leave it in one of them",
          "key",
        ),
      ),
    ];
  });
}
