import { fromAnnotation, objectKey, type Workspace } from "../../kube/index.ts";
import type { WorkspaceDeclaration } from "./contracts.ts";

/** What a Workspace object declares. */
export function declarationOf(workspace: Workspace): WorkspaceDeclaration {
  const { metadata, spec } = workspace;
  const { clusters, exports = [], exportTo = [], importFrom = [], isolation = false } = spec;
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    from: metadata.annotations?.[fromAnnotation] ?? `Workspace ${objectKey(workspace)}`,
    namespaces: clusters.map(({ name, namespaces }) => ({ cluster: name, names: namespaces })),
    exports,
    exportTo,
    importFrom,
    isolation,
  };
}
