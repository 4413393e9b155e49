import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../base/index.ts";
import { assertGolden, goldenInput } from "../base/testing/golden-file.ts";
import { parseYamlObjects } from "../kube/index.ts";
import { type Mesh, parseMesh } from "../mesh/index.ts";
import { compile } from "./compile.ts";
import type { Compiled } from "./compiled.ts";
import { renderGitops } from "./gitops/render-gitops.ts";
import { loadManifests } from "./manifests/load-manifests.ts";
import { type ManifestReader, noManifests } from "./manifests/manifest-content.ts";
import { renderFiles } from "./render/render-files.ts";

const examples = path.join(import.meta.dirname, "../../examples");
const testdata = path.join(import.meta.dirname, "testdata");

function parse(text: string, folder: string): Mesh {
  const kindOf = (file: string) => {
    const place = path.resolve(folder, file);
    return existsSync(place) ? (statSync(place).isDirectory() ? "folder" : "file") : undefined;
  };
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], { folder, files: { kindOf } });
  assert.ok(parsed.ok, parsed.ok ? "" : formatDiagnostics(parsed.problems));
  return parsed.mesh;
}

function readerOf(folder: string): ManifestReader {
  return {
    readText: async (file) => readFileSync(path.resolve(folder, file), "utf8"),
    listFolder: async (file) => {
      const place = path.resolve(folder, file);
      return statSync(place).isDirectory() ? readdirSync(place) : undefined;
    },
  };
}

async function compileExample(name: string): Promise<Compiled> {
  const folder = path.join(examples, name);
  const mesh = parse(readFileSync(path.join(folder, "mesh.yaml"), "utf8"), folder);
  const { content, diagnostics } = await loadManifests(mesh, readerOf(folder));
  assert.equal(formatDiagnostics(diagnostics), "");
  return compile(mesh, content);
}

/** All files of a cluster in one text. */
function rendered(files: ReadonlyMap<string, string>, cluster: string): string {
  return [...files]
    .filter(([file]) => file.startsWith(`${cluster}/`))
    .map(([file, text]) => `# ==== ${file}\n${text}`)
    .join("\n");
}

suite("compile()", () => {
  for (const example of ["aks", "oke", "global", "liqo", "gloo"]) {
    test(`MESH-01 examples/${example} becomes the objects that are checked in`, async () => {
      const compiled = await compileExample(example);
      const files = renderFiles(compiled, { includeSecrets: false });
      for (const cluster of compiled.clusters.keys()) {
        assertGolden(path.join(testdata, example, `${cluster}.golden`), rendered(files, cluster));
      }
    });

    for (const tool of ["argocd", "flux"] as const)
      test(`examples/${example} for ${tool}: every document is an object, none a Secret, and no value waits for an address`, async () => {
        const { files } = renderGitops(await compileExample(example), {
          ...{ tool, mesh: example, repository: "https://git.example/mesh.git", revision: "main" },
          ...{ path: "", secrets: "external", secretStore: "mesh", addresses: new Map() },
        });
        assert.ok(files.size > 5);
        for (const [file, text] of files) {
          const { objects, diagnostics } = parseYamlObjects(text, file);
          assert.deepEqual(diagnostics, []);
          assert.ok(
            objects.every(({ object: { kind } }) => kind !== "Secret"),
            file,
          );
          assert.doesNotMatch(text, /\$\{address:/);
        }
      });

    test(`examples/${example} twice gives the same bytes`, async () => {
      const [first, second] = [await compileExample(example), await compileExample(example)];
      assert.deepEqual(
        [...renderFiles(first, { includeSecrets: true })],
        [...renderFiles(second, { includeSecrets: true })],
      );
    });
  }

  for (const name of readdirSync(path.join(testdata, "cases"))) {
    test(name.replace(/\.txt$/, "").replaceAll("-", " "), () => {
      const file = path.join(testdata, "cases", name);
      const compiled = compile(parse(goldenInput(file), "/home/me/shop"), noManifests);
      const files = renderFiles(compiled, { includeSecrets: false });
      assertGolden(file, [...compiled.clusters.keys()].map((cluster) => rendered(files, cluster)).join("\n"));
    });
  }

  test("every generated object says who made it and why, and no user's object is marked", async () => {
    for (const items of (await compileExample("oke")).clusters.values()) {
      for (const item of items) {
        if (item.kind === "chart") continue;
        const { labels, annotations } = item.object.metadata;
        const isUsers = item.wave === "manifests" && !item.from.endsWith(".addons");
        assert.equal(labels?.["app.kubernetes.io/managed-by"], isUsers ? undefined : "isthmus");
        assert.equal(annotations?.["isthmus.dev/from"], isUsers ? undefined : item.from);
        assert.notEqual(item.from, "");
      }
    }
  });

  test("no secret is in what is compiled, and a user's own only when it is asked for", async () => {
    const compiled = await compileExample("oke");
    for (const items of compiled.clusters.values()) {
      for (const item of items) {
        if (item.kind === "generated-secret")
          assert.deepEqual([item.object["data"], item.object["stringData"]], [undefined, undefined]);
      }
    }
    const shown = (includeSecrets: boolean) =>
      renderFiles(compiled, { includeSecrets }).get("ash/70-manifests.yaml") ?? "";
    assert.match(shown(false), /# The data of this Secret \(HF_TOKEN\) is left out/);
    assert.doesNotMatch(shown(false), /stringData/);
    assert.match(shown(true), /stringData:\n {2}HF_TOKEN: ""/);
  });

  test("load balancer annotations are on the generated Services of their cluster and nowhere else", async () => {
    const { clusters } = await compileExample("oke");
    const groups = [...clusters].map(([name, items]) => [
      name,
      items.flatMap((item) => {
        const group =
          item.kind === "object"
            ? item.object.metadata.annotations?.["oci.oraclecloud.com/oci-network-security-groups"]
            : undefined;
        return item.kind === "object" && group !== undefined
          ? [`${item.object.kind} ${item.object.metadata.name} ${group}`]
          : [];
      }),
    ]);
    assert.deepEqual(Object.fromEntries(groups), {
      fra: ["Service istio-ingressgateway ocid1.fra", "Service istio-eastwestgateway ocid1.fra"],
      ash: ["Service istio-eastwestgateway ocid1.ash"],
    });
  });

  test("changing one field changes only the objects concerned", async () => {
    const folder = path.join(examples, "oke");
    const text = readFileSync(path.join(folder, "mesh.yaml"), "utf8");
    const filesOf = async (meshText: string) => {
      const mesh = parse(meshText, folder);
      return renderFiles(compile(mesh, (await loadManifests(mesh, readerOf(folder))).content), {
        includeSecrets: true,
      });
    };
    const before = await filesOf(text);
    const after = await filesOf(text.replace("ocid1.ash", "ocid1.other"));
    assert.deepEqual(
      [...after].filter(([file, content]) => before.get(file) !== content).map(([file]) => file),
      ["ash/40-gateways.yaml"],
    );
  });
});
