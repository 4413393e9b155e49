import { nearestName } from "../../base/index.ts";
import type { WorkspaceProblem } from "../../kube/index.ts";
import type { WorkspaceDeclaration } from "./contracts.ts";

/** Who may use whose services. */
export interface Relations {
  /** Workspaces that may use those of the key: they import from it, and it exports to them. */
  readonly importers: ReadonlyMap<string, ReadonlySet<string>>;
  readonly problems: ReadonlyMap<string, readonly WorkspaceProblem[]>;
}

/** An import holds only where the other side exports; of a half alone both sides are told. */
export function relationsOf(workspaces: readonly WorkspaceDeclaration[]): Relations {
  const byName = new Map(workspaces.map((one) => [one.name, one]));
  const importers = new Map<string, Set<string>>(workspaces.map(({ name }) => [name, new Set()]));
  const problems = new Map<string, WorkspaceProblem[]>(workspaces.map(({ name }) => [name, []]));
  const tell = (workspace: string, severity: WorkspaceProblem["severity"], reason: string, message: string) =>
    problems.get(workspace)?.push({ severity, reason, message });
  for (const { name, exportTo, importFrom } of workspaces) {
    for (const [field, others] of [
      ["exportTo", exportTo],
      ["importFrom", importFrom],
    ] as const)
      for (const other of new Set(others))
        if (!byName.has(other)) {
          const near = nearestName(other, [...byName.keys()]);
          const hint = near === undefined ? "" : `; there is ${near}`;
          tell(name, "error", "UnknownWorkspace", `${field}: no workspace is called ${other}${hint}`);
        }
    for (const other of new Set(importFrom)) {
      const offering = byName.get(other);
      if (offering === undefined) continue;
      if (offering.exportTo.includes(name)) importers.get(other)?.add(name);
      else tell(name, "warning", "NotExported", `imports from ${other}, which does not export to ${name}`);
    }
    for (const other of new Set(exportTo)) {
      const importing = byName.get(other);
      if (importing !== undefined && !importing.importFrom.includes(name))
        tell(
          name,
          "warning",
          "NotImported",
          `exports to ${other}, which does not import from ${name}: not imported`,
        );
    }
  }
  return { importers, problems };
}
