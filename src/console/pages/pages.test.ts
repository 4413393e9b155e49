import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { ApiError, type KubeObject, type Status } from "../../kube/index.ts";
import type {
  ChecksPage,
  ConfigObject,
  ConfigPage,
  MeshPage,
  SearchIndex,
  ServicesPage,
  TrustPage,
  WorkloadPage,
  WorkloadsPage,
} from "../api.ts";
import { createReader } from "../reader.ts";
import { readPage } from "../router.ts";
import { type MadeUp, madeUpSource } from "../test-support/made-up-source.ts";

const labels = { app: "a", version: "v2" };
const objects: Record<string, readonly KubeObject[]> = {
  deployments: [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "a", namespace: "shop" },
      spec: {
        replicas: 2,
        template: {
          metadata: { labels },
          spec: { serviceAccountName: "shopper", containers: [{ name: "a", image: "shop/a:2" }] },
        },
      },
    },
  ],
  pods: [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "a-1",
        namespace: "shop",
        labels: { ...labels, "pod-template-hash": "x" },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "ReplicaSet", name: "a-x", uid: "1", controller: true },
        ],
      },
      spec: { containers: [{ name: "a" }, { name: "istio-proxy" }] },
      status: { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
    },
  ],
  services: [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a", namespace: "shop" },
      spec: { selector: { app: "a" } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "b", namespace: "shop" },
      spec: { selector: { app: "b" } },
    },
  ],
  authorizationpolicies: [
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: "all", namespace: "shop" },
      spec: {},
    },
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: "v1", namespace: "shop" },
      spec: { selector: { matchLabels: { version: "v1" } } },
    },
  ],
};

function readerOf(options: MadeUp = {}) {
  return createReader(madeUpSource({ objects: () => objects, ...options }), systemClock);
}

suite("pages", () => {
  test("the mesh page sums links up by cluster and says what crosses a network", async () => {
    const page = (await readPage(readerOf(), "/api/mesh?range=60")) as MeshPage;
    assert.deepEqual(
      page.clusters.map(({ name, hasControlPlane }) => [name, hasControlPlane]),
      [
        ["east", true],
        ["west", false],
      ],
    );
    const [first] = page.links;
    assert.ok(first?.crossesNetwork && first.through === "127.17.255.2:15443", JSON.stringify(first));
    const crossing = page.links
      .filter(({ crossesNetwork }) => crossesNetwork)
      .reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
    assert.ok(
      Math.abs((page.traffic?.crossing ?? 0) - crossing / (page.traffic?.requestsPerSecond ?? 1)) < 1e-9,
    );
    const served = page.clusters[0]?.served;
    const arriving = page.links
      .filter(({ to }) => to === "east")
      .reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
    assert.equal(served?.requestsPerSecond, arriving);
    assert.equal(served?.history.length, 48);
  });

  test("without measurements pages say so instead of showing zeros", async () => {
    const page = (await readPage(readerOf({ isMeasured: false }), "/api/mesh")) as MeshPage;
    assert.equal(page.traffic, undefined);
    assert.equal(page.clusters[0]?.served, undefined);
    const list = (await readPage(readerOf({ isMeasured: false }), "/api/workloads")) as WorkloadsPage;
    assert.equal(list.isMeasured, false);
  });

  test("a workload's row counts its pods and proxies and names its account", async () => {
    const { workloads } = (await readPage(readerOf(), "/api/workloads")) as WorkloadsPage;
    const { pods, proxies, serviceAccount, app, version, role } = workloads[0] ?? assert.fail("no row");
    assert.deepEqual(
      { pods, proxies, serviceAccount, app, version, role },
      {
        pods: { ready: 1, wanted: 2 },
        proxies: { state: "synced", synced: 1, total: 1 },
        serviceAccount: "shopper",
        app: "a",
        version: "v2",
        role: "app",
      },
    );
  });

  test("a workload whose pods are offloaded is shown with the proxies and requests of where it runs", async () => {
    const [deployment, pod] = [objects["deployments"]?.[0], objects["pods"]?.[0]];
    assert.ok(deployment !== undefined && pod !== undefined);
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-x", uid: "1", controller: true };
    const virtual = { "liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": "west" };
    const offloaded = {
      nodes: [{ apiVersion: "v1", kind: "Node", metadata: { name: "liqo-west", labels: virtual } }],
      deployments: [{ ...deployment, metadata: { name: "web", namespace: "shop" } }],
      pods: [
        {
          ...pod,
          metadata: { ...pod.metadata, ownerReferences: [owner] },
          spec: { ...(pod["spec"] as object), nodeName: "liqo-west" },
        },
      ],
    };
    const reader = readerOf({ objects: (cluster) => (cluster === "east" ? offloaded : {}) });
    const { workloads } = (await readPage(reader, "/api/workloads")) as WorkloadsPage;
    const [row, ...more] = workloads;
    assert.deepEqual([row?.cluster, row?.name, row?.runsIn, more], ["east", "web", "west", []]);
    assert.deepEqual(row?.proxies, { state: "synced", synced: 1, total: 1 });
    // In west it sends 7 and 7 to its own cluster and 4 to the next; in east it would be 6, 6 and 4.
    assert.equal(row?.outbound?.requestsPerSecond, 18);
  });

  test("a workload's page has its identity, the Services that select it and the rules that choose it", async () => {
    const page = (await readPage(
      readerOf(),
      "/api/clusters/west/namespaces/shop/workloads/a",
    )) as WorkloadPage;
    assert.equal(page.identity, "spiffe://cluster.local/ns/shop/sa/shopper");
    assert.deepEqual(page.services, ["a"]);
    assert.deepEqual(
      page.policies.map(({ cluster, name }) => [cluster, name]),
      [["east", "all"]],
    );
    assert.deepEqual(
      page.pods.map(({ name, proxy }) => [name, proxy?.state]),
      [["a-1", "SYNCED"]],
    );
  });

  test("an unknown cluster or workload is an error that says what there is", async () => {
    await assert.rejects(
      readPage(readerOf(), "/api/clusters/nowhere/namespaces/shop/workloads/a"),
      /no cluster "nowhere"/,
    );
    await assert.rejects(
      readPage(readerOf(), "/api/clusters/east/namespaces/shop/workloads/z"),
      /no Deployment z in shop/,
    );
  });

  test("a cluster that went away is shown as it was, with its age, and takes nothing else with it", async () => {
    const away: string[] = [];
    let now = 1_000_000;
    const clock = { now: () => now, after: systemClock.after };
    const source = madeUpSource({ objects: () => objects, away });
    const reader = createReader(
      {
        ...source,
        state: async () => {
          const state = await source.state();
          return {
            ...state,
            clusters: state.clusters.map((one) =>
              away.includes(one.name) ? { ...one, state: "stopped" as const } : one,
            ),
            gateways: state.gateways.filter(({ cluster }) => !away.includes(cluster)),
            proxies: state.proxies.filter(({ cluster }) => !away.includes(cluster)),
          };
        },
      },
      clock,
    );
    await readPage(reader, "/api/workloads");
    const before = now;
    away.push("west");
    now += 5000;
    const list = (await readPage(reader, "/api/workloads")) as WorkloadsPage;
    assert.deepEqual(list.away, [{ cluster: "west", since: before, reason: "west is stopped" }]);
    assert.deepEqual(
      list.workloads.map(({ cluster, proxies }) => [cluster, proxies.state]),
      [
        ["east", "synced"],
        ["west", "synced"],
      ],
    );
    const mesh = (await readPage(reader, "/api/mesh")) as MeshPage;
    const west = mesh.clusters.find(({ name }) => name === "west");
    assert.equal(west?.lastSeen, before);
    assert.equal(west?.gateways.length, 1);
    assert.equal(mesh.clusters.find(({ name }) => name === "east")?.lastSeen, undefined);
  });

  test("a finding keeps the time it was first seen as long as it is there", async () => {
    let now = 1000;
    let cause = "one";
    const clock = { now: () => now, after: systemClock.after };
    const finding = () =>
      ({
        code: "a/b",
        severity: "error",
        cluster: "east",
        objects: [],
        effect: "e",
        cause,
        evidence: [],
        fix: "f",
      }) as const;
    const reader = createReader({ ...madeUpSource(), findings: async () => [finding()] }, clock);
    await readPage(reader, "/api/checks");
    now += 60_000;
    cause = "another text for the same";
    const page = (await readPage(reader, "/api/checks")) as ChecksPage;
    assert.equal(page.findings[0]?.firstSeen, 1000);
    assert.equal(page.findings[0]?.cause, cause);
  });

  test("the search finds clusters, workloads, services and Istio's objects of all of them", async () => {
    const { entries } = (await readPage(readerOf(), "/api/index")) as SearchIndex;
    assert.deepEqual(
      entries.map(({ kind, cluster, name }) => `${kind} ${cluster} ${name}`),
      [
        ...["Cluster east east", "Deployment east a", "Service east a", "Service east b"],
        ...["AuthorizationPolicy east all", "AuthorizationPolicy east v1"],
        ...["Cluster west west", "Deployment west a", "Service west a", "Service west b"],
        ...["AuthorizationPolicy west all", "AuthorizationPolicy west v1"],
      ],
    );
  });

  test("a service is one row with what each cluster knows of it, and the rules that name it", async () => {
    const slice = (address: string, isReady: boolean) => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "a-1", namespace: "shop", labels: { "kubernetes.io/service-name": "a" } },
      endpoints: [{ addresses: [address], conditions: { ready: isReady } }],
    });
    const rule = {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "a", namespace: "shop" },
      spec: { host: "a" },
    };
    const reader = readerOf({
      objects: (cluster) => ({
        ...objects,
        endpointslices: [slice("10.0.0.1", cluster === "east")],
        ...(cluster === "east" ? { destinationrules: [rule] } : {}),
      }),
    });
    const { services } = (await readPage(reader, "/api/services")) as ServicesPage;
    const found = services.find(({ name }) => name === "a");
    assert.deepEqual(
      found?.clusters.map(({ cluster, endpoints, answer }) => [cluster, endpoints, answer]),
      [
        ["east", { ready: 1, total: 1 }, ["10.0.0.1"]],
        ["west", { ready: 0, total: 1 }, ["10.0.0.1"]],
      ],
    );
    assert.deepEqual(
      found?.rules.map(({ cluster, kind }) => [cluster, kind]),
      [["east", "DestinationRule"]],
    );
  });

  test("an object of Istio in a cluster that another one serves is shown as not read there", async () => {
    const { objects: rows } = (await readPage(readerOf(), "/api/config")) as ConfigPage;
    assert.deepEqual(
      rows.map(({ cluster, name, isRead }) => [cluster, name, isRead]),
      [
        ["east", "all", true],
        ["east", "v1", true],
        ["west", "all", false],
        ["west", "v1", false],
      ],
    );
    const { yaml } = (await readPage(
      readerOf(),
      "/api/config/east/AuthorizationPolicy/shop/v1",
    )) as ConfigObject;
    assert.match(yaml, /^apiVersion: security\.istio\.io\/v1\nkind: AuthorizationPolicy\n/);
  });

  test("Secrets are no configuration that a page shows", async () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "shop" },
      data: { key: "aGlkZGVu" },
    };
    const reader = readerOf({ objects: () => ({ ...objects, secrets: [secret] }) });
    await assert.rejects(readPage(reader, "/api/config/east/Secret/shop/s"), /no Secret s in shop/);
  });

  test("clusters under one root believe each other", async () => {
    const { clusters } = (await readPage(readerOf(), "/api/trust")) as TrustPage;
    assert.deepEqual(
      clusters.map(({ believedBy }) => believedBy),
      [
        ["east", "west"],
        ["east", "west"],
      ],
    );
  });

  test("a cluster that lacks the definition of a kind has none of it, and is not away", async () => {
    const missing = { kind: "Status", status: "Failure", reason: "NotFound", code: 404 } as const;
    const source = madeUpSource({ objects: () => objects });
    const reader = createReader(
      {
        ...source,
        async state() {
          const state = await source.state();
          const lacking = (cluster: (typeof state.clusters)[number]) =>
            cluster.name === "west"
              ? {
                  ...cluster,
                  client: {
                    ...cluster.client,
                    list: () => Promise.reject(new ApiError(missing as unknown as Status)),
                  },
                }
              : cluster;
          return { ...state, clusters: state.clusters.map(lacking) };
        },
      },
      systemClock,
    );
    const page = (await readPage(reader, "/api/config")) as ConfigPage;
    assert.deepEqual(page.away, []);
    assert.deepEqual(new Set(page.objects.map(({ cluster }) => cluster)), new Set(["east"]));
  });
});
