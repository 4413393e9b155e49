import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import { findKubectls } from "../../support/tools.ts";
import { endpointRows } from "./hello.ts";
import { kubectlShell } from "./kubectl/kubectl-check.ts";
import { eventually, type MeshUnderTest } from "./running-mesh.ts";

/** Leaves in the mesh file what is about clusters: namespaces, manifests, add-ons and the like come by hand. */
export function clustersOnly(folder: string, ...further: readonly string[]): void {
  const file = path.join(folder, "mesh.yaml");
  const document = parseDocument(readFileSync(file, "utf8"));
  for (const key of ["namespaces", "manifests"]) document.delete(key);
  const clusters = document.toJS().clusters as Record<string, object>;
  for (const name of Object.keys(clusters))
    for (const key of ["manifests", "addons", ...further]) document.deleteIn(["clusters", name, key]);
  writeFileSync(file, String(document));
}

/** A shell in the mesh file's folder in which `kubectl` and `isthmus` are on PATH. */
export function terminal(running: MeshUnderTest) {
  const kubectl = findKubectls().at(-1);
  if (kubectl === undefined) throw new Error("no kubectl");
  const shell = kubectlShell(kubectl, { ...running, cluster: "", namespace: "default" });
  const type = async (line: string, input?: string) => (await shell.ok(`cd .. && ${line}`, input)).trimEnd();
  return {
    type,
    /** Types it until it says what is wanted. */
    seeing: (line: string, wanted: RegExp) =>
      eventually(async () => {
        const text = await type(line);
        assert.match(text, wanted);
        return text;
      }, 20_000),
    endpoints: async (line: string) => endpointRows(await type(line)),
  };
}
