import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { type KubeObject, parseYamlObjects, readCrds } from "../../src/kube/index.ts";
import { isthmus, run } from "../scenarios/support/running-mesh.ts";
import { findKubectls } from "../support/tools.ts";

/** Path of a kubeconfig whose current context is a cluster of somebody else's making, where namespaces may be made. */
const kubeconfig = process.env["KUBE_API"];
const kubectl = findKubectls().at(-1)?.path;
const examples = path.join(import.meta.dirname, "../../examples");

suite.skipIf(kubeconfig === undefined || kubectl === undefined)(
  "objects compiled from the examples, on a Kubernetes API that KUBE_API names [needs KUBE_API]",
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), "isthmus-kube-api-"));
    /** What was not there before, to be taken away again. */
    const made: string[] = [];
    const ask = (args: readonly string[], input?: object) =>
      run(
        kubectl ?? "",
        ["--kubeconfig", kubeconfig ?? "", "--cache-dir", path.join(folder, ".cache"), ...args],
        input === undefined ? {} : { input: JSON.stringify(input) },
      );
    const make = async (object: object, name: string) => {
      const { code, stderr } = await ask(["create", "-f", "-"], object);
      if (code === 0) made.push(name);
      else assert.match(stderr, /AlreadyExists/);
    };

    const makeDefinition = async (object: KubeObject, name: string) => {
      const before = made.length;
      await make(object, `customresourcedefinition/${name}`);
      if (made.length > before)
        await ask([
          "wait",
          "--for=condition=Established",
          "--timeout=60s",
          `customresourcedefinition/${name}`,
        ]);
    };

    beforeAll(async () => {
      for (const { name, spec } of [...readCrds("istio"), ...readCrds("liqo"), ...readCrds("isthmus")])
        await makeDefinition(
          {
            apiVersion: "apiextensions.k8s.io/v1",
            kind: "CustomResourceDefinition",
            metadata: { name },
            spec,
          },
          name,
        );
    });
    afterAll(async () => {
      if (made.length > 0) await ask(["delete", "--ignore-not-found", "--wait=true", ...made]);
      rmSync(folder, { recursive: true, force: true });
    });

    test.each(readdirSync(examples))("%s: every cluster's are accepted, strictly", async (example) => {
      const out = path.join(folder, example);
      const mesh = path.join(examples, example, "mesh.yaml");
      const { code, stderr } = await run(process.execPath, [isthmus, "compile", mesh, "-o", out]);
      assert.equal(code, 0, stderr);
      for (const cluster of readdirSync(out)) {
        const objects = objectsIn(path.join(out, cluster));
        for (const { kind, metadata, ...rest } of objects)
          if (kind === "CustomResourceDefinition")
            await makeDefinition({ kind, metadata, ...rest }, metadata.name);
        for (const namespace of new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? [])))
          await make(
            { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
            `namespace/${namespace}`,
          );
        // Kinds that a chart of the example brings are not served.
        const served = (await ask(["api-versions"])).stdout.split("\n");
        const items = objects.filter(({ apiVersion }) => served.includes(apiVersion));
        assert.ok(items.length > 1, `${items.length} of ${objects.length}`);
        const said = await ask(
          [
            ...["apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts"],
            ...["-f", "-"],
          ],
          { apiVersion: "v1", kind: "List", items },
        );
        assert.equal(said.code, 0, `${cluster}: ${said.stderr}`);
        assert.equal(said.stdout.match(/serverside-applied \(server dry run\)/g)?.length, items.length);
      }
    });
  },
);

function objectsIn(folder: string): readonly KubeObject[] {
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  return files.flatMap((name) =>
    parseYamlObjects(readFileSync(path.join(folder, name), "utf8")).objects.map(({ object }) => object),
  );
}
