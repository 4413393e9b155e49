import type { Diagnostic } from "../base/index.ts";
import { stepsOf } from "./field-path.ts";
import type { Cluster, Mesh } from "./mesh.ts";

/**
 * What the embedded engine of this version can't do. Errors (mesh/not-supported-yet) for fields that change what
 * a request means: running without them would show something else than the file says. Warnings (mesh/not-run-yet)
 * for what only runs beside the traffic. Used by `up`; compile and apply have no such limits.
 */
export function checkSupported(mesh: Mesh): Diagnostic[] {
  const clusters = [...mesh.clusters.values()];
  const refuse = (path: Path, what: string): Diagnostic =>
    diagnostic(
      mesh,
      "error",
      "mesh/not-supported-yet",
      path,
      `${what} can't be run on this machine yet`,
      "leave it out, or use isthmus compile",
    );
  return [
    ...(mesh.discovery === "exports" ? [refuse(["discovery"], "discovery: exports")] : []),
    ...(mesh.peerings.length > 0 ? [refuse(["peerings"], "a peering")] : []),
    ...(mesh.workspaces.size > 0 ? [refuse(["workspaces"], "a workspace")] : []),
    ...clusters
      .filter(({ role }) => role === "management")
      .map(({ name }) => refuse(["clusters", name, "role"], "a management cluster")),
    ...clusters.flatMap((cluster) => notRun(mesh, cluster)),
  ];
}

type Path = readonly (string | number)[];

function notRun(mesh: Mesh, cluster: Cluster): Diagnostic[] {
  const warn = (path: Path, what: string): Diagnostic =>
    diagnostic(
      mesh,
      "warning",
      "mesh/not-run-yet",
      path,
      `${cluster.name}: ${what} does not run on this machine yet`,
      "traffic between workloads is the same without it",
    );
  return [
    ...cluster.addons.map(({ name, from }, index) => warn([...stepsOf(from), index], `add-on ${name}`)),
    ...cluster.manifests.flatMap((entry) =>
      entry.kind === "chart" ? [warn(stepsOf(entry.from), `chart ${entry.chart}`)] : [],
    ),
  ];
}

function diagnostic(
  mesh: Mesh,
  severity: Diagnostic["severity"],
  code: Diagnostic["code"],
  path: Path,
  message: string,
  hint: string,
): Diagnostic {
  const range = mesh.places.at(path);
  return { severity, code, path, message, hint, ...(range === undefined ? {} : { range }) };
}
