import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isthmus, type MeshUnderTest, run } from "./running-mesh.ts";

/** What a plan says of one cluster. */
interface Planned {
  readonly cluster: string;
  readonly state: string;
  readonly changes?: readonly { readonly action: string; readonly kind: string; readonly name: string }[];
}

/**
 * Imports a running mesh by its kubeconfig alone, and asserts that the file has all of it: a plan of the file changes
 * nothing there but `explained` ("delete Secret hf-secret"). Gives what import said and the file's text.
 */
export async function assertImports(
  mesh: MeshUnderTest,
  clusters: readonly string[],
  explained: readonly string[] = [],
): Promise<{ readonly said: string; readonly file: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-import-"));
  const program = (...args: string[]) =>
    run(process.execPath, [isthmus, ...args, "--kubeconfig", mesh.kubeconfig], {
      cwd: folder,
    });
  try {
    const { code, stdout, stderr } = await program("import", "--contexts", clusters.join(","));
    assert.equal(code, 0, stdout + stderr);
    const planned = await program("plan", "-o", "json");
    const found = (JSON.parse(planned.stdout) as { readonly clusters: readonly Planned[] }).clusters;
    assert.deepEqual(found.map(({ cluster }) => cluster).sort(), [...clusters].sort());
    const changes = found.flatMap((one) =>
      (one.changes ?? []).map(({ action, kind, name }) => `${action} ${kind} ${name}`),
    );
    assert.deepEqual(changes, explained, planned.stdout);
    assert.ok(found.every(({ state }) => state === "planned"));
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
      if (name.endsWith(".yaml"))
        assert.doesNotMatch(
          readFileSync(path.join(folder, name), "utf8"),
          /^kind: Secret$|PRIVATE KEY/m,
          name,
        );
    return { said: stdout, file: readFileSync(path.join(folder, "mesh.yaml"), "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
