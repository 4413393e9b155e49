import type { Diagnostic } from "../base/index.ts";
import { stepsOf } from "./field-path.ts";
import type { Mesh } from "./mesh.ts";

/** What a mesh is to be used for. */
export type MeshUse = "up" | "compile";

/**
 * What this version can't do with a mesh, in the order of the file: errors (mesh/not-supported-yet) for fields that
 * change what a request means, as going on without them would show something else than the file says.
 */
export function checkSupported(mesh: Mesh, use: MeshUse = "up"): Diagnostic[] {
  const clusters = [...mesh.clusters.values()];
  const refuse = (path: Path, what: string, hint = "leave it out"): Diagnostic => {
    const message = `${what} can't be ${use === "up" ? "run on this machine" : "compiled"} yet`;
    return diagnostic(mesh, path, message, hint);
  };
  const refuseProvider = (path: Path, provider: string, consumer: string): Diagnostic =>
    refuse(
      path,
      `a provider that the control plane of its consumer does not serve ("${provider}")`,
      `write primary: ${consumer} under clusters.${provider}`,
    );
  const management = clusters.filter(({ role }) => role === "management");
  return [
    ...mesh.peerings.flatMap(({ provider, consumer, from }) =>
      mesh.clusters.get(provider)?.consumer === consumer
        ? []
        : [refuseProvider([...stepsOf(from), "provider"], provider, consumer)],
    ),
    ...(mesh.workspaces.size > 0 && management.length === 0
      ? [
          refuse(
            ["workspaces"],
            "workspaces without a management cluster",
            "add one to clusters, for example mgmt: { role: management }",
          ),
        ]
      : []),
    ...management
      .slice(1)
      .map(({ name }) => refuse(["clusters", name, "role"], "a second management cluster")),
  ].sort((a, b) => (a.range?.line ?? 0) - (b.range?.line ?? 0));
}

type Path = readonly (string | number)[];

function diagnostic(mesh: Mesh, path: Path, message: string, hint: string): Diagnostic {
  const range = mesh.places.at(path);
  const about = { severity: "error", code: "mesh/not-supported-yet" } as const;
  return { ...about, path, message, hint, ...(range === undefined ? {} : { range }) };
}
