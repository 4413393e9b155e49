import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import type { MeshUnderTest } from "./running-mesh.ts";

/** Writes the mesh of a running engine with `compile -o`, and gives the folder. */
export async function compileTo(mesh: MeshUnderTest, name: string, ...args: string[]): Promise<string> {
  const folder = path.join(mesh.folder, name);
  const { code, stderr } = await mesh.isthmus("compile", "-o", folder, ...args);
  assert.equal(code, 0, stderr);
  return folder;
}

/** Has the API servers of a mesh say of everything that compile writes for them what they would do with it, strictly. */
export async function assertCompiledApplies(mesh: MeshUnderTest): Promise<void> {
  const folder = await compileTo(mesh, "compiled");
  const clusters = readdirSync(folder);
  assert.ok(clusters.length > 0);
  await Promise.all(
    clusters.map(async (cluster) => {
      const { code, stdout, stderr } = await mesh.tryKubectl(cluster, [
        ...["apply", "--dry-run=server", "--validate=strict", "-f", path.join(folder, cluster)],
      ]);
      assert.equal(code, 0, `${cluster}: ${stderr}`);
      assert.match(stdout, /^namespace\/\S+ .*\(server dry run\)$/m);
    }),
  );
}
