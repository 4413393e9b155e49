import type { WrittenCluster } from "../sections/cluster-section.ts";
import { error, type Finding, nameHint } from "./finding.ts";

type Clusters = ReadonlyMap<string, WrittenCluster>;

/** Fields that a management cluster can't have: it runs no control plane of the mesh and no mesh workloads. */
const workloadFields = ["primary", "network", "gateways", "exports"] as const;

/** Who serves whom, management clusters, and clusters that are really the same one. */
export function checkClusters(clusters: Clusters, names: ReadonlySet<string>): Finding[] {
  const workload = [...clusters].filter(([, { role }]) => role !== "management");
  const none = names.size === 0 || (workload.length === 0 && names.size === clusters.size);
  return [
    ...(none
      ? [
          error(
            "mesh/no-clusters",
            ["clusters"],
            "the mesh has no workload cluster",
            "write at least one, for example east: {}",
            "key",
          ),
        ]
      : []),
    ...[...clusters].flatMap(([name, cluster]) => checkPrimary(name, cluster, clusters, names)),
    ...checkManagement(clusters),
    ...checkContexts(clusters),
  ];
}

function checkPrimary(
  name: string,
  { primary, role }: WrittenCluster,
  clusters: Clusters,
  names: ReadonlySet<string>,
): Finding[] {
  if (primary === undefined || primary === name || role === "management") return [];
  const path = ["clusters", name, "primary"];
  if (!names.has(primary)) {
    return [
      error("mesh/unknown-cluster", path, `no cluster is called "${primary}"`, nameHint(primary, names)),
    ];
  }
  if (clusters.get(primary)?.role === "management") {
    const message = `"${primary}" is a management cluster and runs no control plane`;
    return [
      error("mesh/primary-is-management", path, message, "name a cluster without a primary of its own"),
    ];
  }
  const chain = primariesFrom(name, clusters);
  if (chain.at(-1) === name) {
    // Every cluster of the cycle sees it; the one that is first in the file tells.
    const first = [...clusters.keys()].find((one) => chain.includes(one));
    if (first !== name) return [];
    return [
      error(
        "mesh/primary-cycle",
        path,
        `no cluster of ${[name, ...chain].join(" → ")} runs a control plane`,
        "leave the primary of one of them out",
      ),
    ];
  }
  const next = chain[1];
  if (next === undefined) return [];
  const last = chain.at(-1);
  const way =
    last === undefined || chain.slice(0, -1).includes(last) ? "leave its primary out" : `use "${last}"`;
  return [error("mesh/primary-is-remote", path, `"${primary}" is itself a remote, of "${next}"`, way)];
}

/** The clusters reached from `name` by following primaries, up to one that is its own or was seen already. */
function primariesFrom(name: string, clusters: Clusters): string[] {
  const chain: string[] = [];
  let at = name;
  for (;;) {
    const next = clusters.get(at)?.primary;
    if (next === undefined || next === at) return chain;
    const seen = chain.includes(next);
    chain.push(next);
    if (seen || next === name) return chain;
    at = next;
  }
}

function checkManagement(clusters: Clusters): Finding[] {
  return [...clusters]
    .filter(([, { role }]) => role === "management")
    .flatMap(([name, cluster]) =>
      workloadFields
        .filter((field) => cluster[field] !== undefined)
        .map((field) =>
          error(
            "mesh/field-not-here",
            ["clusters", name, field],
            `"${name}" is a management cluster and has no ${field}`,
            "leave it out, or leave the role out",
            "key",
          ),
        ),
    );
}

function checkContexts(clusters: Clusters): Finding[] {
  const seen = new Map<string, string>();
  return [...clusters].flatMap(([name, { context = name, kubeconfig = "" }]) => {
    const other = seen.get(`${kubeconfig}\n${context}`);
    seen.set(`${kubeconfig}\n${context}`, name);
    if (other === undefined) return [];
    const message = `"${name}" and "${other}" both stand for the context "${context}"`;
    return [
      error("mesh/duplicate-name", ["clusters", name, "context"], message, "give each its own context"),
    ];
  });
}
