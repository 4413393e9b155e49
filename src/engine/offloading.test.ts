import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, suite, test } from "vitest";
import { type Clock, type Logger, silentLogger, systemClock, waitFor } from "../base/index.ts";
import { type Kind, type KubeClient, type KubeObject, kinds, type Pod, type PodSpec } from "../kube/index.ts";
import { startOffloading } from "../management/index.ts";
import { type Mesh, parseMesh } from "../mesh/index.ts";
import { type ClaimedBlock, claimBlocks } from "./address-blocks.ts";
import { installLiqo } from "./install-liqo.ts";
import { type MeshParts, type RunningCluster, startCluster, wireMesh } from "./wire.ts";

const meshFile = `
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: two
clusters:
  home: { zone: here }
  away: { primary: home, zone: there }
peerings:
  - { consumer: home, provider: away, resources: { cpu: 2 }, namespaces: [shop] }
`;
const log: Logger = silentLogger;

let mesh: Mesh;
let folder: string;
let blocks: ReadonlyMap<string, ClaimedBlock>;
let parts: MeshParts;
let home: RunningCluster;
let away: RunningCluster;
let offloading: AbortController;

const start = (name: string): Promise<RunningCluster> => {
  const cluster = [...mesh.clusters.values()].find((one) => one.name === name);
  const block = blocks.get(name);
  assert.ok(cluster !== undefined && block !== undefined);
  return startCluster(cluster, block, parts, { folder: path.join(folder, name), persistent: false });
};
/** Time that flies: absence is noticed after seconds. */
const hurried: Clock = {
  now: () => systemClock.now() * 10,
  after: (delay, action) => systemClock.after(delay / 10, action),
};
const offload = async (clock = systemClock) => {
  offloading = new AbortController();
  const clusters = [home, away].map(({ cluster, client }) => ({ name: cluster.name, client }));
  await startOffloading({ clusters, clock, signal: offloading.signal, log });
};

beforeAll(async () => {
  const parsed = parseMesh([{ file: "mesh.yaml", text: meshFile }], [], {
    folder: "/mesh",
    files: { exists: () => true, isFolder: () => true } as never,
  });
  assert.ok(parsed.ok);
  mesh = parsed.mesh;
  folder = await mkdtemp(path.join(tmpdir(), "isthmus-offloading-"));
  blocks = await claimBlocks(["home", "away"], new Map());
  parts = wireMesh({ mesh, clock: systemClock, log, envoy: undefined, warn: () => {} });
});
beforeEach(async () => {
  [home, away] = await Promise.all([start("home"), start("away")]);
  await installLiqo(mesh, new Map([home, away].map((one) => [one.cluster.name, one])));
  await offload();
  await peer();
});
afterEach(async () => {
  offloading.abort();
  await Promise.all([home.stop(), away.stop()]);
});
afterAll(async () => {
  await parts.network.stop();
  for (const block of blocks.values()) await block.release();
  await rm(folder, { recursive: true, force: true });
});

function made<T extends KubeObject>(
  kind: Kind<T>,
  name: string,
  content: object = {},
  namespace?: string,
): T {
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return { apiVersion, kind: kind.kind, metadata, ...content } as unknown as T;
}

/** The objects of a peering, as somebody writes them by hand. */
async function peer(): Promise<void> {
  const { client } = home;
  const tenant = "liqo-tenant-away";
  for (const name of [tenant, "shop"]) await client.create(kinds.namespaces, made(kinds.namespaces, name));
  await client.create(
    kinds.foreignClusters,
    made(kinds.foreignClusters, "away", { spec: { clusterID: "away" } }),
  );
  const spec = {
    class: "default",
    consumerClusterID: "home",
    providerClusterID: "away",
    resources: { cpu: "2" },
  };
  await client.create(kinds.resourceSlices, made(kinds.resourceSlices, "away", { spec }, tenant));
  const node = { clusterID: "away", createNode: true };
  await client.create(kinds.virtualNodes, made(kinds.virtualNodes, "away", { spec: node }, tenant));
  await client.create(kinds.namespaceOffloadings, namespaceOffloading("shop"));
  await phase("shop", "Ready");
}

function namespaceOffloading(namespace: string) {
  const spec = { podOffloadingStrategy: "LocalAndRemote", namespaceMappingStrategy: "EnforceSameName" };
  return made(kinds.namespaceOffloadings, "offloading", { spec }, namespace);
}

function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  return waitFor(async () => (await probe()) || undefined, {
    signal: AbortSignal.timeout(30_000),
    every: 20,
  });
}

const phase = (namespace: string, wanted: string) =>
  eventually(async () => {
    const found = await home.client.get(kinds.namespaceOffloadings, "offloading", namespace);
    return found?.status?.offloadingPhase === wanted ? found : undefined;
  });
const podIn = ({ client }: { readonly client: KubeClient }, name: string, namespace = "shop") =>
  client.get(kinds.pods, name, namespace);
const running = (cluster: RunningCluster, name: string) =>
  eventually(async () => {
    const pod = await podIn(cluster, name);
    const isReady = pod?.status?.conditions?.some(
      ({ type, status }) => type === "Ready" && status === "True",
    );
    return isReady === true && pod?.metadata.deletionTimestamp === undefined ? pod : undefined;
  });
const gone = (cluster: RunningCluster, name: string) =>
  eventually(async () => (await podIn(cluster, name)) === undefined);
const messages = async (client: KubeClient, namespace: string): Promise<readonly string[]> =>
  (await client.list(kinds.events, { namespace })).items.map(
    (event) => `${event["reason"]}: ${event["message"]}`,
  );
const says = (client: KubeClient, namespace: string, wanted: string) =>
  eventually(async () => (await messages(client, namespace)).find((one) => one.includes(wanted)));

const toAway = { nodeSelector: { "topology.kubernetes.io/zone": "there" } };
const web: PodSpec = {
  ...toAway,
  terminationGracePeriodSeconds: 1,
  containers: [{ name: "web", image: "luksa/kubia", ports: [{ containerPort: 8080 }] }],
};
const create = (name: string, spec: PodSpec = web, labels: Record<string, string> = { app: "web" }) =>
  home.client.create(kinds.pods, {
    ...made(kinds.pods, name, { spec }, "shop"),
    metadata: { name, namespace: "shop", labels },
  } as Pod);

suite("offloading", () => {
  test("runs a pod that is bound to the virtual node on the provider, and tells home how it fares", async () => {
    await create("web");
    const here = await running(home, "web");
    const there = await running(away, "web");
    assert.equal(here.spec.nodeName, "away");
    assert.equal(there.spec.nodeName, "away-1");
    assert.equal(here.status?.podIP, there.status?.podIP);
    assert.match(here.status?.podIP ?? "", new RegExp(`^127\\.${blocks.get("away")?.block}\\.`));
    await says(home.client, "shop", "Started: Started container web");
  });

  test("gives the pod's programs account, configuration and logs of home", async () => {
    const { client } = home;
    await client.create(
      kinds.configMaps,
      made(kinds.configMaps, "words", { data: { greeting: "from home" } }, "shop"),
    );
    await client.create(kinds.serviceAccounts, made(kinds.serviceAccounts, "speaker", {}, "shop"));
    const token = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    const greeting = { configMapKeyRef: { name: "words", key: "greeting" } };
    await create("speaker", {
      ...toAway,
      terminationGracePeriodSeconds: 1,
      serviceAccountName: "speaker",
      containers: [
        {
          name: "speak",
          image: "busybox",
          command: ["sh", "-c", `echo "$GREETING"; cat "$ISTHMUS_ROOT${token}"; echo; sleep 60`],
          env: [{ name: "GREETING", valueFrom: greeting }],
        },
      ],
    });
    const pod = await running(home, "speaker");
    const [said = "", jwt = ""] = await eventually(async () => {
      let text = "";
      for await (const chunk of client.podLog("speaker", "shop", {}, new AbortController().signal))
        text += Buffer.from(chunk).toString();
      const lines = text.split("\n");
      return lines.length > 2 && lines;
    });
    assert.equal(said, "from home");
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: jwt } };
    const answer = (await client.post("/apis/authentication.k8s.io/v1/tokenreviews", review)) as {
      readonly status: {
        readonly authenticated?: boolean;
        readonly user?: { readonly username?: string; readonly extra?: object };
      };
    };
    assert.equal(answer.status.user?.username, "system:serviceaccount:shop:speaker");
    assert.ok(
      JSON.stringify(answer.status.user.extra).includes(pod.metadata.uid ?? "none"),
      "bound to the pod at home",
    );
  });

  test("makes a pod again that was deleted on the provider, and ends one that was deleted at home", async () => {
    await create("web");
    const first = await running(away, "web");
    await away.client.delete(kinds.pods, "web", { namespace: "shop" });
    await eventually(async () => {
      const pod = await podIn(away, "web");
      return pod !== undefined && pod.metadata.uid !== first.metadata.uid;
    });
    await running(home, "web");
    await home.client.delete(kinds.pods, "web", { namespace: "shop" });
    await Promise.all([gone(away, "web"), gone(home, "web")]);
  });

  test("mirrors Services, and each pod is an endpoint once in each cluster", async () => {
    await create("web");
    await create("local", { ...web, nodeSelector: { "topology.kubernetes.io/zone": "here" } });
    const spec = { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] };
    await home.client.create(kinds.services, made(kinds.services, "web", { spec }, "shop"));
    const addresses = async ({ client }: RunningCluster) => {
      const { items } = await client.list(kinds.endpointSlices, { namespace: "shop" });
      return items
        .flatMap((slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses))
        .sort();
    };
    const wanted = [await running(home, "web"), await running(home, "local")]
      .map((pod) => pod.status?.podIP)
      .sort();
    for (const cluster of [home, away])
      await eventually(async () => JSON.stringify(await addresses(cluster)) === JSON.stringify(wanted));
    const there = await away.client.get(kinds.services, "web", "shop");
    assert.notEqual(
      there?.spec.clusterIP,
      (await home.client.get(kinds.services, "web", "shop"))?.spec.clusterIP,
    );
    await home.client.delete(kinds.services, "web", { namespace: "shop" });
    await eventually(async () => (await away.client.get(kinds.services, "web", "shop")) === undefined);
  });

  test("leaves a namespace of somebody else's alone, and says so", async () => {
    for (const { client } of [home, away])
      await client.create(kinds.namespaces, made(kinds.namespaces, "taken"));
    await home.client.create(kinds.namespaceOffloadings, namespaceOffloading("taken"));
    const { status } = await phase("taken", "AllFailed");
    const [ready] =
      status?.remoteNamespacesConditions?.["away"]?.filter(({ type }) => type === "Ready") ?? [];
    assert.equal(
      ready?.message,
      "namespace taken of away was not made for home: with EnforceSameName it can't have the pods of another",
    );
    const pod = { ...made(kinds.pods, "web", { spec: web }, "taken") } as Pod;
    await home.client.create(kinds.pods, pod);
    await says(home.client, "taken", "NamespaceExists");
    assert.equal(await podIn(away, "web", "taken"), undefined);
  });

  test("gives nothing to a pod that only says that it is of another cluster", async () => {
    await home.client.create(
      kinds.secrets,
      made(kinds.secrets, "key", { stringData: { key: "secret" } }, "shop"),
    );
    const { metadata } = await create("local", {
      ...web,
      nodeSelector: { "topology.kubernetes.io/zone": "here" },
    });
    const spec = { ...web, volumes: [{ name: "key", secret: { secretName: "key" } }], nodeSelector: {} };
    await away.client.create(kinds.pods, {
      ...made(kinds.pods, "local", { spec }, "shop"),
      metadata: {
        name: "local",
        namespace: "shop",
        labels: { "offloading.liqo.io/origin": "home" },
        annotations: { "isthmus.dev/home-uid": metadata.uid ?? "" },
      },
    } as Pod);
    // It is nobody's reflection, so it goes before it has ever run.
    await gone(away, "local");
    assert.ok((await messages(away.client, "shop")).every((one) => !one.startsWith("Started")));
  });

  test("takes everything back when the peering ends, the pods with their grace", async () => {
    await create("web");
    await running(away, "web");
    await home.client.delete(kinds.virtualNodes, "away", { namespace: "liqo-tenant-away" });
    await Promise.all([gone(home, "web"), gone(away, "web")]);
    await eventually(async () => (await away.client.get(kinds.namespaces, "shop")) === undefined);
    await eventually(async () => (await home.client.get(kinds.nodes, "away")) === undefined);
    await eventually(async () => (await away.client.get(kinds.foreignClusters, "home")) === undefined);
    await phase("shop", "NoClusterSelected");
  });

  test("leaves on the provider what somebody else has applied there since, without what was the consumer's", async () => {
    const spec = { selector: { app: "web" }, ports: [{ name: "ours", port: 80 }] };
    await home.client.create(kinds.services, made(kinds.services, "web", { spec }, "shop"));
    await eventually(() => away.client.get(kinds.services, "web", "shop"));
    const metadata = { name: "shop", labels: { team: "away" } };
    await away.client.apply(kinds.namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
    await away.client.apply(
      kinds.services,
      made(kinds.services, "web", { spec: { ports: [{ name: "theirs", port: 81 }] } }, "shop"),
    );
    await home.client.delete(kinds.virtualNodes, "away", { namespace: "liqo-tenant-away" });
    const service = await eventually(async () => {
      const namespace = await away.client.get(kinds.namespaces, "shop");
      const found = await away.client.get(kinds.services, "web", "shop");
      assert.equal(namespace?.metadata.deletionTimestamp, undefined);
      const isReleased = [namespace, found].every(
        (one) => one?.metadata.labels?.["offloading.liqo.io/origin"] === undefined,
      );
      return isReleased && found;
    });
    assert.equal(service.spec.selector, undefined);
    assert.deepEqual(
      service.spec.ports?.map(({ port }) => port),
      [81],
    );
  });

  test("goes on from what is there when it starts again, also when the peering ended meanwhile", async () => {
    await create("web");
    const { metadata } = await running(away, "web");
    offloading.abort();
    await home.client.delete(kinds.pods, "web", { namespace: "shop" });
    await create("other");
    await offload();
    await gone(away, "web");
    assert.notEqual((await running(away, "other")).metadata.uid, metadata.uid);
    offloading.abort();
    await home.client.delete(kinds.virtualNodes, "away", { namespace: "liqo-tenant-away" });
    await offload();
    await gone(away, "other");
    await eventually(async () => (await away.client.get(kinds.namespaces, "shop")) === undefined);
  });

  test("takes pods out of Services while the provider is away, and says where they are", async () => {
    await create("web");
    await running(home, "web");
    offloading.abort();
    await offload(hurried);
    await eventually(
      async () => (await home.client.get(kinds.leases, "away", "kube-node-lease")) !== undefined,
    );
    await away.stop();
    const pod = await eventually(async () => {
      const found = await podIn(home, "web");
      return found?.status?.conditions?.some(({ reason }) => reason === "NodeNotReady") === true && found;
    });
    assert.equal(pod.status?.phase, "Running");
    const node = await home.client.get(kinds.nodes, "away");
    assert.equal(node?.status?.conditions?.find(({ type }) => type === "Ready")?.status, "Unknown");
    await assert.rejects(async () => {
      const { body, status } = await home.client.transport.send({
        method: "GET",
        path: "/api/v1/namespaces/shop/pods/web/log",
        query: new URLSearchParams(),
        headers: {},
      });
      if (status >= 400) throw new Error((body as { readonly message: string }).message);
    }, /away, which runs the pod shop\/web, is stopped/);
  });

  test("tells pods of other namespaces what is missing, and counts requests against what is granted", async () => {
    const pod = { ...made(kinds.pods, "stray", { spec: web }, "default") } as Pod;
    await home.client.create(kinds.pods, pod);
    await says(home.client, "default", "NamespaceNotOffloaded: namespace default of home is not offloaded");
    const [container] = web.containers;
    const large = {
      ...web,
      containers: [{ name: "web", ...container, resources: { requests: { cpu: "1500m" } } }],
    };
    await create("first", large);
    await running(home, "first");
    await create("second", large);
    await says(
      home.client,
      "shop",
      "away has not enough left for it: cpu: 2 granted, 1500m taken, 1500m needed",
    );
    assert.equal(await podIn(away, "second"), undefined);
  });
});
