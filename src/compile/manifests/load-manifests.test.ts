import assert from "node:assert/strict";
import path from "node:path/posix";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../../base/index.ts";
import { parseMesh } from "../../mesh/index.ts";
import { compile } from "../compile.ts";
import { loadManifests } from "./load-manifests.ts";
import type { ManifestReader } from "./manifest-content.ts";

type Files = Readonly<Record<string, string>>;

/** Files in memory; "http://…" too. */
function readerOf(files: Files): ManifestReader {
  return {
    async readText(file) {
      const text = files[file];
      if (text === undefined) throw new Error("ENOENT");
      return text;
    },
    async listFolder(folder) {
      const inside = Object.keys(files).filter((file) => path.dirname(file) === folder.replace(/\/$/, ""));
      return inside.length === 0 ? undefined : inside.map((file) => path.basename(file)).reverse();
    },
  };
}

const service = (name: string, labels = "", namespace = "") =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${namespace === "" ? "" : `  namespace: ${namespace}\n`}  labels: {${labels}}\nspec: { ports: [{ port: 80 }] }\n`;

/** Loads what `manifests` of cluster east names; the rest of the mesh file is given, too. */
async function load(manifests: string, files: Files, rest = "") {
  const text = `apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nnamespaces: [shop]\n${rest}clusters:\n  east:\n    manifests: ${manifests}\n`;
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
    folder: "/",
    files: { kindOf: () => "file" },
  });
  assert.ok(parsed.ok, parsed.ok ? "" : formatDiagnostics(parsed.problems));
  const { content, diagnostics } = await loadManifests(parsed.mesh, readerOf(files));
  const items = compile(parsed.mesh, content).clusters.get("east") ?? [];
  const objects = items.flatMap((item) =>
    item.kind === "object" && item.writtenAt !== undefined ? [item] : [],
  );
  return { objects, items, diagnostics, said: formatDiagnostics(diagnostics) };
}

/** "Kind namespace/name" of what was loaded. */
function names(objects: Awaited<ReturnType<typeof load>>["objects"]): string[] {
  return objects.map(
    ({ object: { kind, metadata } }) => `${kind} ${metadata.namespace ?? "-"}/${metadata.name}`,
  );
}

suite("loadManifests() reads", () => {
  test("several documents, lists and JSON, and says where each object begins", async () => {
    const { objects, said } = await load("[all.yaml, one.json]", {
      "all.yaml": `# a comment\n${service("a")}---\n---\napiVersion: v1\nkind: List\nitems:\n  - ${service("b").replaceAll("\n", "\n    ").trimEnd()}\n`,
      "one.json": '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}}',
    });
    assert.equal(said, "");
    assert.deepEqual(names(objects), ["Service -/a", "Service -/b", "Service -/c"]);
    assert.deepEqual(
      objects.map(({ writtenAt }) => writtenAt),
      ["all.yaml:2", "all.yaml:13", "one.json:1"],
    );
  });

  test("the YAML files of a folder by name, not those of folders in it", async () => {
    const { objects } = await load("[app/]", {
      "app/2.yml": service("b"),
      "app/1.yaml": service("a"),
      "app/notes.txt": "nothing",
      "app/deeper/3.yaml": service("c"),
    });
    assert.deepEqual(names(objects), ["Service -/a", "Service -/b"]);
  });

  test("a URL", async () => {
    const { objects } = await load("[https://example.org/app.yaml]", {
      "https://example.org/app.yaml": service("a"),
    });
    assert.deepEqual(names(objects), ["Service -/a"]);
  });

  test("YAML as kubectl reads it: its booleans, octal and grouped numbers, anchors and merge keys", async () => {
    const { objects } = await load("[a.yaml]", {
      "a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: a, labels: &l { x: "yes" } }
values: { a: y, b: n, c: yes, d: 0644, e: 12:30, f: 1_000, g: 2001-01-01, h: 0x1F, i: 1e3, k: ~, l: .5, m: +1, p: OFF, "y": 1, 3: x, no: 2 }
more: { <<: *l, z: "no" }
`,
    });
    assert.deepEqual(objects[0]?.object["values"], {
      a: true,
      b: false,
      c: true,
      d: 420,
      e: "12:30",
      f: 1000,
      g: "2001-01-01",
      h: 31,
      i: 1000,
      k: null,
      l: 0.5,
      m: 1,
      p: false,
      y: 1,
      3: "x",
      false: 2,
    });
    assert.deepEqual(objects[0]?.object["more"], { z: "no", x: "yes" });
  });

  test("a kustomization: resources, namespace and labels", async () => {
    const { objects, said } = await load("[app]", {
      "app/kustomization.yaml":
        "resources: [svc.yaml, ../base, crd.yaml]\nnamespace: shop\ncommonLabels: { team: x }\nlabels: [{ pairs: { tier: front } }]\n",
      "app/svc.yaml":
        "apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: other }\nspec: { selector: { app: a } }\n",
      "app/crd.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: { name: team }\n",
      "app/unused.yaml": service("unused"),
      "base/Kustomization": "resources: [d.yaml]\n",
      "base/d.yaml":
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: d }\nspec: { selector: { matchLabels: { app: d } }, template: { metadata: { labels: { app: d } } } }\n",
    });
    assert.equal(said, "");
    assert.deepEqual(names(objects), ["Service shop/a", "Deployment shop/d", "Namespace -/team"]);
    assert.deepEqual(objects[0]?.object["spec"], { selector: { app: "a", team: "x" } });
    assert.deepEqual(objects[0]?.object.metadata.labels, { team: "x", tier: "front" });
    assert.deepEqual(objects[1]?.object["spec"], {
      selector: { matchLabels: { app: "d", team: "x" } },
      template: { metadata: { labels: { app: "d", team: "x" } } },
    });
  });

  test("namespace and selector as kubectl's -n and -l", async () => {
    const { objects } = await load("[{ file: a.yaml, selector: 'app in (x, z),!old', namespace: shop }]", {
      "a.yaml": [
        service("a", "app: x"),
        service("b", "app: z, old: '1'"),
        service("c", "app: v"),
        service("d", "app: z", "shop"),
      ].join("---\n"),
    });
    assert.deepEqual(names(objects), ["Service shop/a", "Service shop/d"]);
  });

  test("a user's object keeps its content: only the namespace is set", async () => {
    const { objects } = await load("[{ file: a.yaml, namespace: shop }]", {
      "a.yaml": service("a", "app: x"),
    });
    assert.deepEqual(objects[0]?.object, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a", labels: { app: "x" }, namespace: "shop" },
      spec: { ports: [{ port: 80 }] },
    });
  });

  test("a chart's values file, and set over it", async () => {
    const { items } = await load(
      "[{ chart: repo/app, namespace: shop, values: v.yaml, set: { a.b: 2, 'c\\.d': x } }]",
      {
        "v.yaml": "a: { b: 1, e: on }\n",
      },
    );
    const chart = items.find((item) => item.kind === "chart" && item.wave === "manifests");
    assert.deepEqual(chart?.kind === "chart" && chart.chart, {
      name: "app",
      namespace: "shop",
      chart: "repo/app",
      values: { a: { b: 2, e: true }, "c.d": "x" },
      from: "clusters.east.manifests[0]",
    });
  });
});

suite("loadManifests() says what is wrong", () => {
  const cases: readonly {
    title: string;
    manifests: string;
    files: Files;
    rest?: string;
    said: readonly string[];
  }[] = [
    {
      title: "a selector that matches nothing: the labels there are",
      manifests: "[{ file: a.yaml, selector: version=v3 }]",
      files: {
        "a.yaml": `${service("a", "app: helloworld, service: helloworld")}---\n${service("b", "app: helloworld, version: v1")}`,
      },
      said: [
        "mesh.yaml:6:43  mesh/selector-matches-nothing",
        'no object of "a.yaml" has the labels "version=v3"; its objects have app=helloworld, service=helloworld, version=v1',
      ],
    },
    {
      title: "a selector that only pods would match",
      manifests: "[{ file: a.yaml, selector: model=x }]",
      files: {
        "a.yaml":
          "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: d }\nspec: { template: { metadata: { labels: { model: x } } } }\n",
      },
      said: [
        "mesh/selector-matches-nothing",
        "only pods have them; a selector looks at the objects' own labels",
      ],
    },
    {
      title: "a selector in wrong form",
      manifests: "[{ file: a.yaml, selector: 'app in x' }]",
      files: { "a.yaml": service("a") },
      said: ["mesh.yaml:6:43  mesh/bad-selector", "write it as for kubectl -l"],
    },
    {
      title: "an object in another namespace than the entry's",
      manifests: "[{ file: a.yaml, namespace: shop }]",
      files: { "a.yaml": service("a", "", "default") },
      said: [
        "mesh.yaml:6:44  manifest/namespace-differs",
        'the namespace "default" of Service "a" (a.yaml:1) does not match the namespace "shop"',
      ],
    },
    {
      title: "YAML that is none, with the manifest's own line",
      manifests: "[a.yaml]",
      files: { "a.yaml": "kind: Service\n  metadata: {}\n" },
      said: ["a.yaml:1:7  manifest/yaml"],
    },
    {
      title: "a key given twice",
      manifests: "[a.yaml]",
      files: { "a.yaml": `${service("a")}kind: Pod\n` },
      said: ["a.yaml:7:1  manifest/duplicate-key"],
    },
    {
      title: "an object without a kind, two without a name, and something else",
      manifests: "[a.yaml]",
      files: {
        "a.yaml":
          "metadata: { name: a }\n---\napiVersion: v1\nkind: Pod\nmetadata: { generateName: x- }\n---\njust text\n---\napiVersion: v1\nkind: Pod\n",
      },
      said: [
        "a.yaml:1:1  manifest/no-api-version",
        "a.yaml:1:1  manifest/no-kind",
        "a.yaml:5:1  manifest/no-name",
        "this Pod has generateName in place of a name",
        "a.yaml:7:1  manifest/no-object",
        "a.yaml:9:1  manifest/no-name",
      ],
    },
    {
      title: "a file without any object",
      manifests: "[a.yaml]",
      files: { "a.yaml": "# soon\n" },
      said: ["mesh.yaml:6:17  manifest/empty"],
    },
    {
      title: "a URL that does not answer",
      manifests: "[https://example.org/app.yaml]",
      files: {},
      said: ["mesh.yaml:6:17  manifest/unreadable", '"https://example.org/app.yaml" can\'t be read: ENOENT'],
    },
    {
      title: "fields of a kustomization that are not built here",
      manifests: "[app/]",
      files: { "app/kustomization.yaml": "resources: []\nnamePrefix: x-\npatches: []\n" },
      said: ["app/kustomization.yaml:2:1  manifest/kustomization-field", '"namePrefix"', '"patches"'],
    },
    {
      title: "kustomizations that contain each other",
      manifests: "[a/]",
      files: { "a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n" },
      said: ["mesh.yaml:6:17  manifest/kustomization-cycle"],
    },
    {
      title: "Istio's resources under a remote: left out, with a warning",
      manifests: "[a.yaml]\n    primary: west\n  west: {}",
      files: {
        "a.yaml": "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: v }\n",
      },
      said: [
        "mesh.yaml:6:17  warning manifest/istio-on-remote",
        "VirtualService v left out: east is remote: Istio reads configuration from west; put it under clusters.west.manifests",
      ],
    },
    {
      title: "one object twice with different content",
      manifests: "[a.yaml, b.yaml]",
      files: { "a.yaml": service("a"), "b.yaml": service("a", "x: y") },
      said: ["mesh.yaml:6:25  warning manifest/duplicate-object", "from a.yaml:1 and b.yaml:1"],
    },
    {
      title: "a namespace that nothing makes",
      manifests: "[{ file: a.yaml, namespace: shp }, b.yaml]",
      files: { "a.yaml": service("a"), "b.yaml": service("b", "", "kube-system") },
      said: [
        "mesh.yaml:6:17  warning manifest/namespace-missing",
        'nothing makes the namespace "shp" of Service "a" in east',
      ],
    },
  ];
  for (const { title, manifests, files, rest, said: wanted } of cases) {
    test(title, async () => {
      const { said } = await load(manifests, files, rest);
      for (const part of wanted) assert.ok(said.includes(part), `${part}\nis not in\n${said}`);
      assert.equal(
        said.match(/^\S+:\d+:\d+ {2}/gm)?.length,
        said.match(/ \^+ /g)?.length,
        "every diagnostic has a place",
      );
    });
  }

  test("Istio's resources that are mesh-wide reach the primary only, without a warning", async () => {
    const text =
      "apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmanifests: [a.yaml]\nclusters: { east: {}, west: { primary: east } }\n";
    const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
      folder: "/",
      files: { kindOf: () => "file" },
    });
    assert.ok(parsed.ok);
    const rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: d }\n";
    const { content, diagnostics } = await loadManifests(
      parsed.mesh,
      readerOf({ "a.yaml": `${rule}---\n${service("s")}` }),
    );
    assert.deepEqual(diagnostics, []);
    const kinds = [...compile(parsed.mesh, content).clusters].map(([name, items]) => [
      name,
      items.flatMap((item) =>
        item.kind === "object" && item.wave === "manifests" ? [item.object.kind] : [],
      ),
    ]);
    assert.deepEqual(Object.fromEntries(kinds), { east: ["DestinationRule", "Service"], west: ["Service"] });
  });
});
