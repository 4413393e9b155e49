import assert from "node:assert/strict";
import path from "node:path";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../../base/index.ts";
import { assertGolden } from "../../base/testing/golden-file.ts";
import { type KubeObject, parseYamlObjects } from "../../kube/index.ts";
import { type Mesh, parseMesh } from "../../mesh/index.ts";
import { compile } from "../compile.ts";
import { noManifests } from "../manifests/manifest-content.ts";
import { chartSource } from "./chart-source.ts";
import type { GitopsOptions } from "./contracts.ts";
import { renderGitops } from "./render-gitops.ts";

const testdata = path.join(import.meta.dirname, "../testdata/gitops");
const gateway = "east/istio-system/istio-eastwestgateway";

function parse(text: string): Mesh {
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
    folder: "/m",
    files: { kindOf: () => "file" },
  });
  assert.ok(parsed.ok, parsed.ok ? "" : formatDiagnostics(parsed.problems));
  return parsed.mesh;
}

const mesh = parse(`
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: shop
namespaces: [shop]
clusters:
  east:
    network: n1
    manifests: [{ chart: cert-manager, repo: https://charts.jetstack.io, version: v1.18.2, namespace: cert-manager }]
  west: { network: n2, primary: east }
`);

function render(options: Partial<GitopsOptions> = {}, of = mesh) {
  return renderGitops(compile(of, noManifests), {
    ...{ tool: "argocd", mesh: of.name, repository: "https://git.example/shop.git", revision: "main" },
    ...{
      path: "mesh",
      secrets: "external",
      secretStore: "vault",
      addresses: new Map([[gateway, "203.0.113.9"]]),
    },
    ...options,
  });
}

function objectsOf(files: ReadonlyMap<string, string>, name: RegExp): readonly KubeObject[] {
  return [...files].flatMap(([file, text]) => {
    if (!name.test(file)) return [];
    const { objects, diagnostics } = parseYamlObjects(text, file);
    assert.deepEqual(diagnostics, []);
    return objects.map(({ object }) => object);
  });
}

suite("renderGitops()", () => {
  for (const tool of ["argocd", "flux"] as const) {
    test(`${tool}: what it is told, and nothing but the clusters' folders beside it`, () => {
      const { files, leftOut } = render({ tool });
      assert.deepEqual(leftOut, []);
      const own = [...files].filter(([file]) => file.startsWith(`${tool}/`) || file.endsWith("/charts.yaml"));
      assertGolden(
        path.join(testdata, `${tool}.golden`),
        own.map(([file, text]) => `# ==== ${file}\n${text}`).join("\n"),
      );
      for (const file of files.keys()) assert.match(file, new RegExp(`^(${tool}|east|west)/`));
    });

    test(`${tool}: no Secret and no value of one, but a reference for each`, () => {
      const { files } = render({ tool });
      const all = objectsOf(files, /./);
      assert.deepEqual(
        all.filter(({ kind }) => kind === "Secret"),
        [],
      );
      const references = all.filter(({ kind }) => kind === "ExternalSecret");
      assert.deepEqual(references.map(({ metadata }) => metadata.name).sort(), [
        "cacerts",
        "cacerts",
        "istio-remote-secret-west",
      ]);
      const [remote] = references.filter(({ metadata }) => metadata.name === "istio-remote-secret-west");
      const spec = remote?.["spec"] as {
        readonly target: {
          readonly template: { readonly metadata: { readonly labels: object; readonly annotations: object } };
        };
        readonly dataFrom: readonly { readonly extract: { readonly key: string } }[];
      };
      assert.equal(spec.dataFrom[0]?.extract.key, "shop/east/istio-system/istio-remote-secret-west");
      const { labels, annotations } = spec.target.template.metadata;
      assert.deepEqual((labels as Record<string, string>)["istio/multiCluster"], "true");
      assert.deepEqual((annotations as Record<string, string>)["networking.istio.io/cluster"], "west");
    });

    test(`${tool}: what needs an address that nobody knows yet is left out, with the way to have it`, () => {
      const { files, leftOut } = render({ tool, addresses: new Map() });
      assert.equal(leftOut.length, 1);
      assert.match(leftOut[0] ?? "", new RegExp(`^west: the chart istiod .*--address ${gateway}=ADDRESS`));
      assert.ok(![...files.values()].join("").includes("${"));
      assert.ok([...render({ tool }).files.values()].join("").includes("203.0.113.9"));
    });
  }

  test("sealed: no Secret and no reference, but the place of what people seal, and the script for it", () => {
    const { files, sealed } = render({ secrets: "sealed" });
    assert.deepEqual(sealed, [
      "east/20-trust/istio-system.cacerts.sealed.yaml",
      "east/60-credentials/istio-system.istio-remote-secret-west.sealed.yaml",
      "west/20-trust/istio-system.cacerts.sealed.yaml",
    ]);
    const yaml = objectsOf(files, /\.yaml$/);
    assert.ok(yaml.every(({ kind }) => kind !== "Secret" && kind !== "ExternalSecret"));
    assert.match(
      files.get("seal.sh") ?? "",
      /^seal east istio-system cacerts east\/20-trust\/istio-system\.cacerts\.sealed\.yaml$/m,
    );
    // Folders that hold nothing else are applied all the same.
    const paths = objectsOf(files, /^argocd\/clusters\/west/).flatMap(
      ({ spec }) => (spec as { source: { path?: string } }).source.path ?? [],
    );
    assert.ok(paths.includes("mesh/west/20-trust"), paths.join());
  });

  test("argocd: waves follow the order of applying, and every folder that is named is there", () => {
    const { files } = render();
    const applications = objectsOf(files, /^argocd\/clusters\/east/);
    const waves = applications.map(({ metadata }) =>
      Number(metadata.annotations?.["argocd.argoproj.io/sync-wave"]),
    );
    assert.ok(waves.every(Number.isInteger));
    assert.deepEqual(
      waves,
      waves.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(waves).size, waves.length);
    for (const application of objectsOf(files, /^argocd\/clusters\//)) {
      const { source } = application["spec"] as { source: { path?: string } };
      if (source.path !== undefined)
        assert.ok(files.has(`${source.path.replace(/^mesh\//, "")}/objects.yaml`), source.path);
    }
  });

  test("flux: each unit depends on the one before, and every folder that is named is there", () => {
    const { files } = render({ tool: "flux" });
    const units = objectsOf(files, /^flux\/east\/mesh\.yaml$/).filter(({ kind }) => kind === "Kustomization");
    let before: string | undefined;
    for (const { metadata, spec } of units) {
      const { dependsOn = [], path: place } = spec as { dependsOn?: { name: string }[]; path: string };
      assert.deepEqual(
        dependsOn.map(({ name }) => name),
        before === undefined ? [] : [before],
      );
      assert.ok(
        [...files.keys()].some((file) => file.startsWith(`${place.replace(/^\.\/mesh\//, "")}/`)),
        place,
      );
      before = metadata.name;
    }
    assert.ok(units.length > 6);
  });

  test("charts of a folder and of repositories that only helm knows are named as left out", () => {
    const other = parse(
      "{ apiVersion: isthmus.dev/v1alpha1, kind: Mesh, name: m, clusters: { a: { manifests: [{ chart: open-webui/open-webui }, { chart: ./mine }] } } }",
    );
    const { leftOut } = render({}, other);
    assert.deepEqual(
      leftOut.map((line) => /the chart (\S+)/.exec(line)?.[1]),
      ["open-webui/open-webui", "./mine"],
    );
  });
});

suite("chartSource()", () => {
  const from = { name: "x", namespace: "x", values: {}, from: "manifests[0]" };
  for (const [chart, source] of [
    [
      { chart: "base", repo: "https://charts.example" },
      { url: "https://charts.example", isOci: false, chart: "base" },
    ],
    [{ chart: "oci://ghcr.io/shop/charts/app" }, { url: "ghcr.io/shop/charts", isOci: true, chart: "app" }],
    [
      { chart: "app", repo: "oci://ghcr.io/shop" },
      { url: "ghcr.io/shop", isOci: true, chart: "app" },
    ],
    [{ chart: "mine/app" }, undefined],
    [{ chart: "./app", repo: "https://charts.example" }, undefined],
  ] as const) {
    test(JSON.stringify(chart), () => {
      assert.deepEqual(chartSource({ ...from, ...chart }), source);
    });
  }
});
