import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { parse } from "yaml";
import { isthmus, patientUp, run } from "./support/running-mesh.ts";

const root = path.join(import.meta.dirname, "../..");

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly uses?: string;
  readonly if?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

const action = parse(readFileSync(path.join(root, "action.yml"), "utf8")) as Action;

suite("the GitHub action", () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "isthmus-action-"));
    const { code, stderr } = await run(process.execPath, [isthmus, "init", "shop"], { cwd: folder });
    assert.equal(code, 0, stderr);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the action's scripts as a runner does, with these inputs; the steps of others (`uses`) and the build are left out. */
  const runAction = async (inputs: Readonly<Record<string, string>>) => {
    const given = new Map(
      Object.entries(action.inputs).map(([name, one]) => [name, inputs[name] ?? one.default]),
    );
    const [output, summary] = ["output", "summary"].map((name) => path.join(folder, name));
    for (const file of [output, summary]) writeFileSync(file ?? "", "");
    const fill = (text: string) =>
      text
        .replaceAll("${{ github.action_path }}", root)
        .replaceAll(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, name: string) => given.get(name) ?? "");
    for (const step of action.runs.steps) {
      if (step.run === undefined || step.run.startsWith("npm ci")) continue;
      const wanted = /^inputs\.([\w-]+) == '(\w+)'$/.exec(step.if ?? "");
      if (wanted !== null && given.get(wanted[1] ?? "") !== wanted[2]) continue;
      const env = Object.fromEntries(
        Object.entries(step.env ?? {}).map(([name, text]) => [name, fill(text)]),
      );
      const result = await run("bash", ["-eo", "pipefail", "-c", step.run], {
        cwd: folder,
        env: { ...env, GITHUB_OUTPUT: output ?? "", GITHUB_STEP_SUMMARY: summary ?? "" },
      });
      if (result.code !== 0) return { failed: step.name, ...result, output: "", summary: "" };
    }
    const read = (file = "") => readFileSync(file, "utf8");
    return { failed: undefined, stderr: "", stdout: "", output: read(output), summary: read(summary) };
  };

  test("has a shape that GitHub takes, and scripts that take inputs by their environment only", () => {
    assert.equal(action.runs.using, "composite");
    for (const [name, input] of Object.entries(action.inputs)) {
      assert.equal(typeof input.description, "string", name);
      assert.equal(typeof input.default, "string", name);
    }
    const used = JSON.stringify(action.runs) + JSON.stringify(action.outputs);
    for (const name of Object.keys(action.inputs)) assert.ok(used.includes(`inputs.${name}`), name);
    for (const [, name = ""] of used.matchAll(/inputs\.([\w-]+)/g))
      assert.ok(Object.hasOwn(action.inputs, name), name);
    for (const step of action.runs.steps) {
      if (step.run === undefined) continue;
      assert.equal(step.shell, "bash", step.name);
      // What somebody wrote into an input would be run.
      assert.doesNotMatch(step.run, /\$\{\{/);
    }
    for (const { value } of Object.values(action.outputs)) {
      const id = /steps\.(\w+)\./.exec(value)?.[1];
      if (id !== undefined)
        assert.ok(
          action.runs.steps.some((step) => step.id === id),
          id,
        );
    }
  });

  test("tests a mesh on the runner, and leaves a report and nothing that runs", async () => {
    const { failed, stderr } = await runAction({ mesh: "shop/mesh.yaml" });
    assert.equal(failed, undefined, stderr);
    const report = readFileSync(path.join(folder, "isthmus-results/test.xml"), "utf8");
    assert.match(report, /^<\?xml[\s\S]*<testsuites?[\s\S]*failures="0"/);
    assert.ok(existsSync(path.join(folder, "isthmus-results/compiled/east/10-namespaces.yaml")));
    assert.ok(!existsSync(path.join(folder, "shop/.isthmus")));
  });

  test("fails on a wrong file, with its place", async () => {
    writeFileSync(path.join(folder, "wrong.yaml"), "kind: Mesh\nclusters: { a: { primry: b } }\n");
    const { failed, stderr } = await runAction({ mesh: "wrong.yaml" });
    assert.equal(failed, "Check the files");
    assert.match(stderr, /wrong\.yaml:2:\d+ {2}mesh\/unknown-field/);
  });

  test("plans and verifies clusters that are known by kubeconfig only, and says whether there are changes", async () => {
    const mesh = path.join(folder, "shop/mesh.yaml");
    const state = path.join(folder, "state");
    const command = (...args: string[]) =>
      run(process.execPath, [isthmus, ...args, "--state", state], { cwd: folder });
    const started = await command("up", mesh, "--detach", ...patientUp);
    assert.equal(started.code, 0, started.stderr);
    try {
      const inputs = { mesh, test: "false", plan: "true", kubeconfig: path.join(state, "kubeconfig") };
      const same = await runAction({ ...inputs, verify: "true" });
      assert.equal(same.failed, undefined, same.stderr);
      assert.equal(same.output, "changes=false\n");
      assert.match(readFileSync(path.join(folder, "isthmus-results/verify.xml"), "utf8"), /failures="0"/);
      writeFileSync(
        path.join(folder, "shop/more.yaml"),
        `${readFileSync(mesh, "utf8").replace("east: {}", "east: { namespaces: [more] }")}`,
      );
      const changed = await runAction({ ...inputs, mesh: path.join(folder, "shop/more.yaml") });
      assert.equal(changed.failed, undefined, changed.stderr);
      assert.equal(changed.output, "changes=true\n");
      assert.match(changed.summary, /### isthmus plan\n```\n[\s\S]*\+ Namespace +more/);
    } finally {
      await command("down", "--purge");
    }
  });
});
