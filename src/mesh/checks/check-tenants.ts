import type { WrittenMesh } from "../sections/mesh-section.ts";
import { doubles } from "./check-lists.ts";
import { error, type Finding, nameHint, warning } from "./finding.ts";

/** Peerings and workspaces: whom they name, and whether both sides agree. */
export function checkTenants(mesh: WrittenMesh, clusterNames: ReadonlySet<string>): Finding[] {
  return [...checkPeerings(mesh, clusterNames), ...checkWorkspaces(mesh, clusterNames)];
}

function unknownCluster(
  path: readonly (string | number)[],
  name: string,
  names: ReadonlySet<string>,
  part?: "key",
): Finding {
  return error("mesh/unknown-cluster", path, `no cluster is called "${name}"`, nameHint(name, names), part);
}

function checkPeerings({ peerings = [], clusters }: WrittenMesh, names: ReadonlySet<string>): Finding[] {
  const pairs = peerings.map(({ consumer, provider }) => `${consumer} → ${provider}`);
  return [
    ...doubles(pairs).map(([index, pair]) =>
      error("mesh/duplicate-name", ["peerings", index], `the peering ${pair} is already in this list`),
    ),
    ...peerings.flatMap((peering, index) => {
      const sides = (["consumer", "provider"] as const).flatMap((side) => {
        const name = peering[side];
        const path = ["peerings", index, side];
        if (name === undefined) return [];
        if (!names.has(name)) return [unknownCluster(path, name, names)];
        if (clusters?.get(name)?.role !== "management") return [];
        return [error("mesh/bad-value", path, `"${name}" is a management cluster and runs no workloads`)];
      });
      const { consumer, provider } = peering;
      if (consumer === undefined || consumer !== provider) return sides;
      return [
        ...sides,
        error("mesh/bad-value", ["peerings", index, "provider"], `"${provider}" can't be its own provider`),
      ];
    }),
  ];
}

function checkWorkspaces(
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
