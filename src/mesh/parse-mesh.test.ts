import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Cluster, Mesh } from "./mesh.ts";
import { type MeshText, parseMesh } from "./parse-mesh.ts";

const files = { kindOf: () => "file" as const };
const head = "apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\n";

function parse(text: string, sets: readonly string[] = [], overlays: readonly MeshText[] = []): Mesh {
  const parsed = parseMesh([{ file: "mesh.yaml", text: head + text }, ...overlays], sets, {
    folder: "/home/me/My shop",
    files,
  });
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.problems.map(({ message }) => message).join("; "));
  return parsed.mesh;
}

function clusterOf(mesh: Mesh, name: string): Cluster {
  const cluster = [...mesh.clusters.values()].find((one) => one.name === name);
  assert.ok(cluster);
  return cluster;
}

suite("parseMesh() fills in what is not written", () => {
  test("two clusters and no other field: flat, each its own primary, no gateway", () => {
    const mesh = parse("clusters: { east: {}, west: }\n");
    assert.equal(mesh.name, "My-shop", "the folder's name, as a mesh ID can have it");
    assert.equal(mesh.istio.version, "1.31.1");
    assert.deepEqual(mesh.trust, {
      domain: "cluster.local",
      exchangeRoots: false,
      allowDifferentRoots: false,
    });
    const { places: _places, ...settings } = mesh;
    assert.equal(settings.discovery, "endpoints");
    assert.equal(settings.hostSuffix, "global");
    assert.equal(settings.telemetry.retention, 3_600_000);
    assert.deepEqual(clusterOf(mesh, "west"), {
      name: "west",
      role: "workload",
      primary: "west",
      nodes: [{ capacity: {} }],
      labelNodes: false,
      context: "west",
      istio: mesh.istio,
      trust: mesh.trust,
      gateways: {},
      loadBalancer: { annotations: {} },
      exports: [],
      addons: [],
      namespaces: [],
      manifests: [],
    });
  });

  test("with exports every cluster is its own network and has an east-west gateway", () => {
    const mesh = parse("discovery: exports\nclusters: { mesh-1: {}, mesh-2: { network: gcp } }\n");
    assert.deepEqual(
      [...mesh.clusters.values()].map(({ network, gateways }) => [network, gateways.eastwest?.name]),
      [
        ["mesh-1", "istio-eastwestgateway"],
        ["gcp", "istio-eastwestgateway"],
      ],
    );
  });

  test("a number of nodes and a list of them", () => {
    const mesh = parse(
      "clusters: { a: { nodes: 2 }, b: { nodes: [{ zone: z, capacity: { nvidia.com/gpu: 1, memory: 8Gi } }] } }\n",
    );
    assert.deepEqual(clusterOf(mesh, "a").nodes, [{ capacity: {} }, { capacity: {} }]);
    assert.deepEqual(clusterOf(mesh, "b").nodes, [
      { zone: "z", capacity: { "nvidia.com/gpu": "1", memory: "8Gi" } },
    ]);
  });

  test("an unquoted version of three parts is text in YAML", () => {
    assert.equal(parse("istio: { version: 1.29.2 }\nclusters: { a: {} }\n").istio.version, "1.29.2");
  });

  test("a peering's provider gets neither the offloaded namespace nor the mesh-wide manifests", () => {
    const mesh = parse(
      "namespaces: [shop, other]\nmanifests: [app/]\nclusters: { a: {}, b: { primary: a, zone: b } }\n" +
        "peerings: [{ consumer: a, provider: b, resources: { cpu: 20 }, namespaces: [shop, { name: x, pods: Local }] }]\n",
    );
    assert.deepEqual(
      clusterOf(mesh, "a").namespaces.map(({ name }) => name),
      ["shop", "other"],
    );
    assert.deepEqual(
      clusterOf(mesh, "b").namespaces.map(({ name }) => name),
      ["other"],
    );
    assert.equal(clusterOf(mesh, "a").manifests.length, 1);
    assert.equal(clusterOf(mesh, "b").manifests.length, 0);
    assert.deepEqual(clusterOf(mesh, "a").gateways, {}, "its remote has the control plane mirrored");
    assert.deepEqual(mesh.peerings, [
      {
        consumer: "a",
        provider: "b",
        resources: { cpu: "20" },
        namespaces: [
          { name: "shop", pods: "LocalAndRemote", from: "peerings[0].namespaces[0]" },
          { name: "x", pods: "Local", from: "peerings[0].namespaces[1]" },
        ],
        from: "peerings[0]",
      },
    ]);
  });

  test("a management cluster gets nothing that is mesh-wide", () => {
    const mesh = parse(
      "gateways: { ingress: true }\nnamespaces: [a]\nmanifests: [app/]\nclusters: { mgmt: { role: management }, east: {} }\n",
    );
    const { gateways, namespaces, manifests } = clusterOf(mesh, "mgmt");
    assert.deepEqual({ gateways, namespaces, manifests }, { gateways: {}, namespaces: [], manifests: [] });
  });
});

suite("parseMesh() merges mesh-wide settings into clusters", () => {
  test("istio deeply, trust field by field", () => {
    const mesh = parse(`istio:
  meshConfig: { accessLogFile: /dev/stdout, defaultConfig: { concurrency: 2, tracing: { sampling: 1 } } }
  values: { pilot: { replicaCount: 2 } }
trust: { cacerts: certs/, domain: shop }
clusters:
  east: {}
  west:
    istio: { version: 1.30.0, revision: next, meshConfig: { defaultConfig: { tracing: { sampling: 100 } } } }
    trust: { cacerts: other/ }
`);
    assert.deepEqual(clusterOf(mesh, "west").istio, {
      version: "1.30.0",
      revision: "next",
      meshConfig: {
        accessLogFile: "/dev/stdout",
        defaultConfig: { concurrency: 2, tracing: { sampling: 100 } },
      },
      values: { pilot: { replicaCount: 2 } },
    });
    assert.deepEqual(clusterOf(mesh, "east").istio.meshConfig, mesh.istio.meshConfig);
    assert.deepEqual(clusterOf(mesh, "west").trust, {
      cacerts: "other/",
      domain: "shop",
      exchangeRoots: false,
      allowDifferentRoots: false,
    });
  });

  test("namespaces and manifests: mesh-wide first, in order, each with its place; a cluster's own namespace wins", () => {
    const mesh = parse(`namespaces: [a, { name: b, injection: false, labels: { team: x } }]
manifests: [one.yaml, { file: two.yaml, selector: x=y, namespace: a }]
clusters:
  east:
    namespaces: [{ name: a, labels: { team: z } }]
    manifests:
      - { chart: repo/app, set: { a.b: 1 }, version: "2.0", namespace: a }
`);
    assert.deepEqual(clusterOf(mesh, "east").namespaces, [
      { name: "b", injection: false, labels: { team: "x" }, from: "namespaces[1]" },
      { name: "a", injection: true, labels: { team: "z" }, from: "clusters.east.namespaces[0]" },
    ]);
    assert.deepEqual(clusterOf(mesh, "east").manifests, [
      { kind: "file", file: "one.yaml", from: "manifests[0]" },
      { kind: "file", file: "two.yaml", selector: "x=y", namespace: "a", from: "manifests[1]" },
      {
        kind: "chart",
        chart: "repo/app",
        name: "app",
        version: "2.0",
        namespace: "a",
        set: { "a.b": 1 },
        from: "clusters.east.manifests[0]",
      },
    ]);
  });

  const gatewayCases = [
    {
      title: "more than one network switches east-west gateways on",
      text: "clusters: { east: { network: n1 }, west: { network: n2 } }",
      east: { eastwest: ["istio-system/istio-eastwestgateway", 15443, "clusters.east.network"] },
    },
    {
      title:
        "a primary that serves a remote on a flat network has one, since the remote reaches istiod through it",
      text: "clusters: { east: {}, west: { primary: east } }",
      east: { eastwest: ["istio-system/istio-eastwestgateway", 15443, "clusters.west.primary"] },
    },
    {
      title: "mesh-wide gateways are in every cluster, and one says no",
      text: "gateways: { ingress: true, egress: true }\nclusters: { east: { gateways: { egress: false } } }",
      east: { ingress: ["istio-system/istio-ingressgateway", 15443, "gateways.ingress"] },
    },
    {
      title: "a cluster's own gateway comes over the mesh-wide one",
      text: "gateways: { ingress: { name: front, service: { annotations: { a: b } } } }\nclusters: { east: { gateways: { ingress: { namespace: edge } } } }",
      east: { ingress: ["edge/front", 15443, "clusters.east.gateways.ingress"] },
    },
    {
      title: "equal names are one gateway",
      text: "gateways: { ingress: { namespace: edge }, eastwest: { name: istio-ingressgateway, port: 443 } }\nclusters: { east: { network: n1 }, west: { network: n2 } }",
      east: {
        ingress: ["edge/istio-ingressgateway", 443, "gateways.eastwest"],
        eastwest: ["edge/istio-ingressgateway", 443, "gateways.eastwest"],
      },
    },
    {
      title: "equal names in different namespaces are two",
      text: "gateways: { ingress: { name: gw, namespace: a }, eastwest: { name: gw, namespace: b } }\nclusters: { east: {} }",
      east: { ingress: ["a/gw", 15443, "gateways.ingress"], eastwest: ["b/gw", 15443, "gateways.eastwest"] },
    },
  ] as const;
  for (const { title, text, east } of gatewayCases) {
    test(title, () => {
      const { gateways } = clusterOf(parse(`${text}\n`), "east");
      const seen = Object.entries(gateways).map(([kind, one]) => [
        kind,
        [`${one.namespace}/${one.name}`, one.port, one.from],
      ]);
      assert.deepEqual(Object.fromEntries(seen), east);
      if ("eastwest" in east && "ingress" in east) {
        assert.equal(gateways.ingress === gateways.eastwest, east.ingress[0] === east.eastwest[0]);
      }
    });
  }

  test("the Service of a shared gateway has the fields of both", () => {
    const { ingress } = clusterOf(
      parse(
        "gateways: { ingress: { service: { type: NodePort, annotations: { a: b } } }, eastwest: { name: istio-ingressgateway, service: { annotations: { c: d }, externalTrafficPolicy: Local } } }\nclusters: { east: {} }\n",
      ),
      "east",
    ).gateways;
    assert.deepEqual(ingress?.service, {
      type: "NodePort",
      annotations: { a: "b", c: "d" },
      externalTrafficPolicy: "Local",
    });
  });
});

suite("parseMesh() lays overlays and --set over the file", () => {
  const base =
    "namespaces: [a, b]\nclusters:\n  fra: { network: n1, region: x }\n  ash: { network: n2, primary: fra }\n  old: { network: n3 }\n";
  const overlay = {
    file: "prod.yaml",
    text: "namespaces: [c]\nclusters: { fra: { region: y }, old: null, new: { network: n4 } }\n",
  };

  test("maps are merged, lists replaced, null takes out, later ones win", () => {
    const mesh = parse(
      base,
      ["clusters.ash.region=us-east-1", "clusters.ash.nodes=3", "istio.values.a\\.b=[x, y]"],
      [overlay],
    );
    assert.deepEqual([...mesh.clusters.keys()], ["fra", "ash", "new"]);
    assert.deepEqual(
      clusterOf(mesh, "fra").namespaces.map(({ name }) => name),
      ["c"],
    );
    assert.equal(clusterOf(mesh, "fra").region, "y");
    assert.equal(clusterOf(mesh, "ash").region, "us-east-1");
    assert.equal(clusterOf(mesh, "ash").nodes.length, 3);
    assert.deepEqual(mesh.istio.values, { "a.b": ["x", "y"] });
  });

  test("places are those of the text that said it", () => {
    const mesh = parse(base, ["clusters.ash.region=us-east-1"], [overlay]);
    const at = (...path: string[]) => {
      const range = mesh.places.at(path);
      return `${range?.file}:${range?.line}:${range?.column}`;
    };
    assert.equal(at("clusters", "fra", "region"), "prod.yaml:2:28");
    assert.equal(at("clusters", "fra", "network"), "mesh.yaml:5:19");
    assert.equal(at("clusters", "ash", "region"), "--set:1:21");
    assert.equal(
      at("clusters", "ash", "zone"),
      "mesh.yaml:6:3",
      "what is not written: the nearest thing around it",
    );
  });
});

suite("parseMesh() and hostile input", () => {
  const cases = [
    { title: "brackets nested ten thousand deep", text: `clusters: ${"[".repeat(10_000)}` },
    { title: "a file of three million characters", text: `# ${"x".repeat(3_000_000)}` },
    {
      title: "names that JavaScript objects have",
      text: "clusters: { __proto__: { constructor: {} }, east: { __proto__: 1 } }",
    },
    { title: "a key that is a map", text: "clusters: { ? { a: b } : c }" },
    { title: "bytes that are no text", text: "\u0000\u0001\ufffd: \u0007" },
  ];
  for (const { title, text } of cases) {
    test(`${title}: a diagnostic and nothing else`, () => {
      const parsed = parseMesh([{ file: "mesh.yaml", text: head + text }], [], { folder: "/", files });
      assert.equal(parsed.ok, false);
      assert.ok(!parsed.ok && parsed.problems.length > 0);
    });
  }
});
