import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { ClusterPage, ClustersPage, WorkspacesPage } from "../api-fleet.ts";
import type { ConsoleSource, SourceState } from "../contracts.ts";
import { createReader } from "../reader.ts";
import { readPage } from "../router.ts";
import { type MadeUp, madeUpSource } from "../test-support/made-up-source.ts";

const node = (name: string, ready: "True" | "False", more: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "topology.kubernetes.io/zone": "z1" } },
  spec: { podCIDR: "10.244.0.0/24", ...more },
  status: {
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    nodeInfo: { kubeletVersion: "v1.33.1" },
    conditions: [{ type: "Ready", status: ready, message: "the kubelet is silent" }],
  },
});
const pod = (name: string, phase: string, ready: "True" | "False", nodeName: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop" },
  spec: { nodeName, containers: [{ name: "a" }] },
  status: { phase, conditions: [{ type: "Ready", status: ready }] },
});
const named = (kind: string, name: string, more: Partial<KubeObject["metadata"]> = {}): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name, ...more },
});
const clusterObjects = {
  nodes: [node("n2", "False", { unschedulable: true }), node("n1", "True")],
  pods: [
    pod("a", "Running", "True", "n1"),
    pod("b", "Pending", "False", "n1"),
    pod("done", "Succeeded", "False", "n1"),
  ],
  namespaces: [
    named("Namespace", "shop", { labels: { "istio-injection": "enabled" } }),
    named("Namespace", "default"),
  ],
  services: [named("Service", "a", { namespace: "shop" })],
};

/** A made-up mesh with something changed in what it says. */
function changed(options: MadeUp, change: (state: SourceState) => SourceState): ConsoleSource {
  const source = madeUpSource(options);
  return { ...source, state: async () => change(await source.state()) };
}

suite("the pages of clusters", () => {
  const reader = () => createReader(madeUpSource({ objects: () => clusterObjects }), systemClock);

  test("a cluster's row has its versions, nodes, gateways and what of its certificates ends first", async () => {
    const { clusters } = (await readPage(reader(), "/api/clusters")) as ClustersPage;
    const [east] = clusters;
    assert.ok(east !== undefined);
    const { kubernetesVersion, istioVersion, nodes, gateways, proxies, lastSeen, firstEnd } = east;
    assert.deepEqual(
      { kubernetesVersion, istioVersion, nodes, proxies, lastSeen, of: firstEnd?.of },
      {
        kubernetesVersion: "1.33.1",
        istioVersion: "1.30.0",
        nodes: { ready: 1, total: 2 },
        proxies: { synced: 3, total: 3 },
        lastSeen: undefined,
        of: "intermediate",
      },
    );
    assert.deepEqual(
      gateways.map(({ kind, address }) => [kind, address]),
      [
        ["eastwest", "127.16.255.2"],
        ["ingress", "127.16.255.1"],
      ],
    );
  });

  test("a root that ends before the intermediate under it is what is warned of", async () => {
    const source = changed({}, (state) => ({
      ...state,
      trust: state.trust.map((one) => ({ ...one, root: { ...one.root, notAfter: 1000 } })),
    }));
    const { clusters } = (await readPage(createReader(source, systemClock), "/api/clusters")) as ClustersPage;
    assert.deepEqual(clusters[0]?.firstEnd, { of: "root", at: 1000 });
  });

  test("a cluster's page has its nodes with their pods, without those that have ended", async () => {
    const page = (await readPage(reader(), "/api/clusters/east")) as ClusterPage;
    assert.deepEqual(page.nodes, [
      {
        name: "n1",
        isReady: true,
        isCordoned: false,
        isVirtual: false,
        version: "v1.33.1",
        address: "10.0.0.1",
        zone: "z1",
        podRange: "10.244.0.0/24",
        pods: { ready: 1, total: 2 },
      },
      {
        name: "n2",
        isReady: false,
        trouble: "the kubelet is silent",
        isCordoned: true,
        isVirtual: false,
        version: "v1.33.1",
        address: "10.0.0.1",
        zone: "z1",
        podRange: "10.244.0.0/24",
        pods: { ready: 0, total: 0 },
      },
    ]);
    assert.deepEqual(
      page.namespaces?.map(({ name, isInjected, workloads, services }) => [
        name,
        isInjected,
        workloads,
        services,
      ]),
      [
        ["default", false, 0, 0],
        ["shop", true, 2, 1],
      ],
    );
  });

  test("a control plane names the clusters that it serves, a remote cluster none", async () => {
    const serves = async (name: string) =>
      ((await readPage(reader(), `/api/clusters/${name}`)) as ClusterPage).serves;
    assert.deepEqual(await serves("east"), ["east", "west"]);
    assert.deepEqual(await serves("west"), []);
  });

  test("proxies that are not in sync, or refuse what is sent, come first", async () => {
    const source = changed({}, (state) => ({
      ...state,
      proxies: state.proxies.map((one) =>
        one.pod === "c-1"
          ? { ...one, state: "STALE" as const }
          : one.pod === "b-1"
            ? { ...one, rejections: { LDS: "no such filter" } }
            : one,
      ),
    }));
    const { proxies } = (await readPage(
      createReader(source, systemClock),
      "/api/clusters/east",
    )) as ClusterPage;
    assert.deepEqual(
      proxies.map((one) => one.pod),
      ["b-1", "c-1", "a-1"],
    );
  });

  test("a cluster that went away keeps what was read of it, with its age; what was never read is not zero", async () => {
    const away: string[] = [];
    let now = 1_000_000;
    const clock = { now: () => now, after: systemClock.after };
    const source = madeUpSource({ objects: () => clusterObjects, away });
    const known = createReader(
      {
        ...source,
        state: async () => {
          const state = await source.state();
          return {
            ...state,
            clusters: state.clusters.map((one) =>
              away.includes(one.name) ? { ...one, state: "stopped" as const } : one,
            ),
          };
        },
      },
      clock,
    );
    const before = now;
    await readPage(known, "/api/clusters/west");
    away.push("east", "west");
    now += 5000;
    const west = (await readPage(known, "/api/clusters/west")) as ClusterPage;
    assert.deepEqual(west.away, { since: before, reason: "west is stopped" });
    assert.equal(west.cluster.lastSeen, before);
    assert.deepEqual(west.cluster.nodes, { ready: 1, total: 2 });
    assert.equal(west.namespaces?.length, 2);
    const east = (await readPage(known, "/api/clusters/east")) as ClusterPage;
    assert.deepEqual([east.cluster.nodes, east.namespaces, east.nodes], [undefined, undefined, []]);
    assert.equal(east.cluster.gateways.length, 2);
  });

  test("an unknown cluster is an error that says which there are", async () => {
    await assert.rejects(readPage(reader(), "/api/clusters/north"), /the mesh has no cluster "north"/);
  });
});

suite("the page of workspaces", () => {
  const namespace = "gloo-mesh";
  const apiVersion = "management.isthmus.dev/v1alpha1";
  const condition = (type: string, status: string, message: string, observedGeneration = 2) => ({
    type,
    status,
    message,
    observedGeneration,
  });
  const books: KubeObject = {
    apiVersion,
    kind: "Workspace",
    metadata: { name: "books", namespace, generation: 2 },
    spec: {
      clusters: [
        { name: "*", namespaces: ["books", "nowhere"] },
        { name: "west", namespaces: ["archive"] },
      ],
      exports: ["*.books"],
      exportTo: ["shop"],
      isolation: true,
    },
    status: {
      namespaces: ["east/books", "west/books"],
      hosts: ["reviews.books.global"],
      conditions: [condition("Accepted", "True", ""), condition("Enforced", "False", "west does not answer")],
      problems: [{ severity: "warning", reason: "NotImported", message: "shop does not import books" }],
    },
  };
  const shop: KubeObject = {
    apiVersion,
    kind: "Workspace",
    metadata: { name: "shop", namespace, generation: 3 },
    spec: { clusters: [{ name: "east", namespaces: ["shop"] }], importFrom: ["books"] },
    status: { namespaces: ["east/shop"], conditions: [condition("Accepted", "True", "")] },
  };
  const fresh: KubeObject = {
    apiVersion,
    kind: "Workspace",
    metadata: { name: "fresh", namespace, generation: 1 },
    spec: { clusters: [{ name: "*", namespaces: ["new"] }] },
  };
  const mesh: KubeObject = {
    apiVersion,
    kind: "Mesh",
    metadata: { name: "istiod-istio-system-west", namespace },
    spec: { cluster: "west", namespace: "istio-system" },
    status: {
      version: "1.30.0",
      trustDomain: "west.local",
      network: "n2",
      ready: true,
      gateways: [
        {
          kind: "eastwest",
          namespace: "istio-system",
          name: "gw",
          addresses: ["127.17.255.2"],
          ports: [15443],
        },
      ],
      certificate: { rootNotAfter: "2036-01-01T00:00:00Z", rootFingerprint: "AA" },
      clusters: ["west"],
    },
  };
  const registration: KubeObject = {
    apiVersion,
    kind: "KubernetesCluster",
    metadata: { name: "west", namespace },
    status: { state: "Disconnected", lastHeartbeat: "2026-01-01T00:00:00Z", message: "no call for 30 s" },
  };
  const managed = (away: readonly string[] = []) =>
    changed(
      {
        away,
        objects: (cluster) =>
          cluster === "east"
            ? {
                workspaces: [shop, books, fresh],
                meshes: [mesh],
                kubernetesclusters: [registration],
              }
            : {},
      },
      (state) => ({
        ...state,
        clusters: state.clusters.map((one) =>
          one.name === "east" ? { ...one, role: "management" as const } : one,
        ),
      }),
    );
  const page = async (source: ConsoleSource) =>
    (await readPage(createReader(source, systemClock), "/api/workspaces")) as WorkspacesPage;

  test("a mesh without a management cluster has none, and says so", async () => {
    assert.deepEqual(await page(madeUpSource()), {
      managers: [],
      away: [],
      workspaces: [],
      meshes: [],
      registrations: [],
    });
  });

  test("a workspace has its namespaces by cluster, those that are missing, its rules, conditions and problems", async () => {
    const { managers, workspaces } = await page(managed());
    assert.deepEqual(managers, ["east"]);
    assert.deepEqual(workspaces[0], {
      manager: "east",
      name: "books",
      namespaces: [
        { cluster: "east", names: ["books"] },
        { cluster: "west", names: ["books"] },
      ],
      missing: [
        { cluster: "*", name: "nowhere" },
        { cluster: "west", name: "archive" },
      ],
      exports: ["*.books"],
      exportTo: ["shop"],
      importFrom: [],
      isIsolated: true,
      hosts: ["reviews.books.global"],
      accepted: { status: "True", message: "" },
      enforced: { status: "False", message: "west does not answer" },
      problems: [{ severity: "warning", reason: "NotImported", message: "shop does not import books" }],
    });
  });

  test("what was found of an older declaration is not said of the one that counts now", async () => {
    const { workspaces } = await page(managed());
    const found = workspaces.find(({ name }) => name === "shop");
    assert.deepEqual([found?.accepted, found?.enforced], [{ status: "Pending" }, { status: "Pending" }]);
  });

  test("a workspace that nobody has looked at shows what it declares, and misses nothing yet", async () => {
    const { workspaces } = await page(managed());
    const found = workspaces.find(({ name }) => name === "fresh");
    assert.deepEqual(found?.namespaces, [{ cluster: "*", names: ["new"] }]);
    assert.deepEqual([found?.missing, found?.accepted.status], [[], "Pending"]);
  });

  test("meshes and registered clusters are listed with what their agents told", async () => {
    const { meshes, registrations } = await page(managed());
    assert.deepEqual(meshes, [
      {
        manager: "east",
        name: "istiod-istio-system-west",
        cluster: "west",
        version: "1.30.0",
        trustDomain: "west.local",
        network: "n2",
        isReady: true,
        gateways: (mesh["status"] as { readonly gateways: unknown }).gateways,
        certificate: { rootFingerprint: "AA", rootNotAfter: Date.UTC(2036, 0, 1) },
        serves: ["west"],
      },
    ]);
    assert.deepEqual(registrations, [
      {
        manager: "east",
        cluster: "west",
        state: "Disconnected",
        lastHeartbeat: Date.UTC(2026, 0, 1),
        message: "no call for 30 s",
      },
    ]);
  });

  test("while the management cluster is away the page says so, and what was read before stays", async () => {
    const away: string[] = [];
    let now = 1_000_000;
    const reader = createReader(managed(away), { now: () => now, after: systemClock.after });
    await readPage(reader, "/api/workspaces");
    away.push("east");
    now += 5000;
    const { away: shown, workspaces } = (await readPage(reader, "/api/workspaces")) as WorkspacesPage;
    assert.deepEqual(
      shown.map(({ cluster, reason }) => [cluster, reason]),
      [["east", "east is stopped"]],
    );
    assert.equal(workspaces.length, 3);
  });
});
