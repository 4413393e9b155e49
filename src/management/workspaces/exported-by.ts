import { nearestName } from "../../base/index.ts";
import type { Service, WorkspaceProblem } from "../../kube/index.ts";
import { canBeExported } from "../federation/exported-services.ts";
import type { WorkspaceDeclaration } from "./contracts.ts";

/** Whether a workspace exports a Service that is in one of its namespaces. */
export function exportsService(
  { exports }: Pick<WorkspaceDeclaration, "exports">,
  service: string,
  namespace: string,
): boolean {
  return exports.some((line) => {
    if (line === "*") return true;
    const [name, where] = line.split(".");
    return where === namespace && (name === "*" || name === service);
  });
}

/**
 * Whether importers may call a Service that is in one of its namespaces. A workspace that exports to others without
 * saying what offers them everything; only what it names gets names in other clusters.
 */
export function offersService(
  workspace: Pick<WorkspaceDeclaration, "exports">,
  service: string,
  namespace: string,
): boolean {
  return workspace.exports.length === 0 || exportsService(workspace, service, namespace);
}

/** Exports of what is not there: `services` are those in the workspace's namespaces. */
export function missingExports(
  { exports }: WorkspaceDeclaration,
  services: readonly Service[],
  namespaces: ReadonlySet<string>,
): readonly WorkspaceProblem[] {
  const names = services
    .filter(canBeExported)
    .map(({ metadata }) => `${metadata.name}.${metadata.namespace}`);
  return exports.flatMap((line): readonly WorkspaceProblem[] => {
    if (line === "*") return [];
    const [name = "", namespace = ""] = line.split(".");
    if (!namespaces.has(namespace)) {
      const message = `exports ${line}, but namespace ${namespace} is not in the workspace`;
      return [{ severity: "error", reason: "ExportOfOthers", message }];
    }
    if (name === "*" || names.includes(line)) return [];
    const near = names.length === 0 ? undefined : nearestName(line, names);
    const hint = near === undefined ? "" : `; there is ${near}`;
    const message = `exports ${line}: waiting for such a Service${hint}`;
    return [{ severity: "warning", reason: "NoService", message }];
  });
}
