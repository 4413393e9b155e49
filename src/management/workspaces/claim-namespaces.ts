import type { WorkspaceProblem } from "../../kube/index.ts";
import type { WorkspaceCluster, WorkspaceDeclaration } from "./contracts.ts";

/** Which workspace has which namespace. */
export interface Claims {
  /** "cluster/namespace" to workspace. */
  readonly owners: ReadonlyMap<string, string>;
  /** What is wrong, by workspace. */
  readonly problems: ReadonlyMap<string, readonly WorkspaceProblem[]>;
}

/** Names a namespace of one cluster. */
export function placeOf(cluster: string, namespace: string): string {
  return `${cluster}/${namespace}`;
}

/**
 * Gives every namespace that a workspace claims to the oldest one that does, whether it exists yet or not: one that is
 * made later is its owner's from its first moment.
 */
export function claimNamespaces(
  workspaces: readonly WorkspaceDeclaration[],
  clusters: readonly WorkspaceCluster[],
): Claims {
  const known = new Set(clusters.map(({ name }) => name));
  const owners = new Map<string, string>();
  const problems = new Map<string, WorkspaceProblem[]>();
  const tell = (workspace: string, reason: string, message: string) =>
    problems.set(workspace, [
      ...(problems.get(workspace) ?? []),
      { severity: "error" as const, reason, message },
    ]);
  const byAge = [...workspaces].sort(
    (a, b) => a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name),
  );
  for (const { name, namespaces } of byAge) {
    for (const { cluster, names } of namespaces) {
      if (cluster !== "*" && !known.has(cluster))
        tell(name, "UnknownCluster", `no cluster is registered as ${cluster}`);
      for (const one of cluster === "*" ? known : [cluster].filter((which) => known.has(which))) {
        for (const namespace of new Set(names)) {
          const place = placeOf(one, namespace);
          const owner = owners.get(place);
          if (owner === undefined) owners.set(place, name);
          else if (owner !== name) {
            const message = `namespace ${namespace} of ${one} is in the workspaces ${owner} and ${name}; ${owner} is older and has it`;
            for (const either of [owner, name]) tell(either, "NamespaceInTwoWorkspaces", message);
          }
        }
      }
    }
  }
  return { owners, problems };
}
