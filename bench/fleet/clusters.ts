/** The process of the bench's clusters: a management cluster and those that are registered there, with their agents. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { openChangeLog } from "../../src/apiserver/index.ts";
import { startTestServer, type TestServer } from "../../src/apiserver/test-support/start-test-server.ts";
import { silentLogger, systemClock, waitFor } from "../../src/base/index.ts";
import { serviceExportDefinition } from "../../src/compile/outputs/service-exports.ts";
import { definitionsOf } from "../../src/engine/charts/definitions.ts";
import {
  createKubeClient,
  type Kind,
  type KubeAccess,
  type KubeClient,
  type KubeObject,
  kinds,
  managementNamespace,
  startInformer,
  systemNamespace,
} from "../../src/kube/index.ts";
import { runAgent } from "../../src/management/index.ts";
import { answerRequests } from "../process.ts";

/** What this process does on request. */
export type ClustersRequest =
  | { readonly do: "start"; readonly clusters: number; readonly services: number }
  | { readonly do: "connect"; readonly relayPort: number }
  | { readonly do: "isolate"; readonly isolation: boolean }
  | { readonly do: "export"; readonly name: string };

export interface Started {
  /** Of the management cluster's API. */
  readonly access: KubeAccess;
  /** Resident memory that a cluster without anything in it takes, in MB. */
  readonly emptyClusterMegabytes: number;
}

/** When things were so, in milliseconds from the request. */
export interface Connected {
  readonly allConnected: number;
  /** The workspace over all clusters is in every control plane. */
  readonly enforced: number;
}

/** Milliseconds from the request until each cluster had the change, in order of time. */
export type Arrivals = readonly number[];

interface Fleet {
  readonly management: KubeClient;
  readonly clusters: readonly { readonly name: string; readonly client: KubeClient }[];
  readonly services: number;
}

const namespace = "shop";
const user = { name: "bench", groups: ["system:masters"] };
const patience = () => AbortSignal.timeout(120_000);
let fleet: Fleet;

answerRequests<ClustersRequest>(async (request) => {
  switch (request.do) {
    case "start":
      return start(request.clusters, request.services);
    case "connect":
      return connectAgents(request.relayPort);
    case "isolate":
      return changeIsolation(request.isolation);
    case "export":
      return exportService(request.name);
  }
});

async function start(count: number, services: number): Promise<Started> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const serve = (name: string) =>
    startTestServer({
      changeLog: openChangeLog(path.join(folder, name), { clock: systemClock, log: silentLogger }),
    });
  const hub = await serve("mgmt");
  const before = process.memoryUsage().rss;
  const servers: { readonly name: string; readonly server: TestServer }[] = [];
  for (let i = 1; i <= count; i++)
    servers.push({ name: `cluster-${i}`, server: await serve(`cluster-${i}`) });
  const emptyClusterMegabytes = (process.memoryUsage().rss - before) / count / 1024 ** 2;

  const management = createKubeClient(hub.api.transport(user));
  await createAll(management, [...definitionsOf("isthmus"), namespaceObject(managementNamespace)]);
  const clusters = servers.map(({ name, server }) => ({
    name,
    client: createKubeClient(server.api.transport(user)),
  }));
  for (const [i, { name, client }] of clusters.entries()) {
    await createAll(client, [
      ...definitionsOf("istio"),
      serviceExportDefinition,
      ...definitionsOf("isthmus"),
      ...clusterObjects(name, `10.0.${i}.1`, services),
    ]);
    await createAll(management, [
      { apiVersion: "v1", kind: "ServiceAccount", metadata: accountOf(name) },
      {
        apiVersion: "management.isthmus.dev/v1alpha1",
        kind: "KubernetesCluster",
        metadata: { name, namespace: managementNamespace },
        spec: {},
      } as KubeObject,
    ]);
  }
  await createAll(management, [
    {
      apiVersion: "management.isthmus.dev/v1alpha1",
      kind: "Workspace",
      metadata: { name: "shop", namespace: managementNamespace },
      spec: {
        clusters: [{ name: "*", namespaces: [namespace] }],
        exports: ["exported.shop"],
        isolation: true,
      },
    } as KubeObject,
  ]);
  fleet = { management, clusters, services };
  const administrator = hub.client("bench", ["system:masters"]);
  return {
    access: {
      server: hub.api.url,
      ca: hub.caCert,
      clientCert: administrator.cert,
      clientKey: administrator.key,
    },
    emptyClusterMegabytes,
  };
}

async function connectAgents(relayPort: number): Promise<Connected> {
  const { management, clusters } = fleet;
  const began = performance.now();
  const ca = await waitFor(
    async () => {
      const secret = await management.get(kinds.secrets, "relay-tls", managementNamespace);
      const text = secret?.data?.["ca.crt"];
      return text === undefined ? undefined : Buffer.from(text, "base64").toString();
    },
    { signal: patience() },
  );
  for (const { name, client } of clusters) {
    const account = accountOf(name);
    const answer = await management.post(
      `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 86_400 } },
    );
    const { token } = (answer as { readonly status: { readonly token: string } }).status;
    const credential: Readonly<Record<string, string>> = {
      server: `127.0.0.1:${relayPort}`,
      "ca.crt": ca,
      token,
    };
    await runAgent({
      credential: async (part) => credential[part] ?? "",
      dial: async (host, port) => connect({ host, port, noDelay: true }),
      api: client.transport,
      listen: async () => async () => {},
      clock: systemClock,
      log: silentLogger,
    });
  }
  const isConnected = async () => {
    const { items } = await management.list(kinds.kubernetesClusters);
    return items.every(({ status }) => status?.state === "Connected") ? performance.now() - began : undefined;
  };
  const allConnected = await waitFor(isConnected, { signal: patience(), every: 20 });
  const isEnforced = async () => {
    const workspace = await management.get(kinds.workspaces, "shop", managementNamespace);
    const isSo = workspace?.status?.conditions?.some(
      ({ type, status }) => type === "Enforced" && status === "True",
    );
    const places = workspace?.status?.namespaces?.length ?? 0;
    return isSo === true && places === clusters.length ? performance.now() - began : undefined;
  };
  return { allConnected, enforced: await waitFor(isEnforced, { signal: patience(), every: 20 }) };
}

function changeIsolation(isolation: boolean): Promise<Arrivals> {
  const isShown = (items: readonly KubeObject[]) =>
    items.some(({ metadata }) => metadata.namespace === namespace) === isolation;
  return arrivals(fleet.clusters, kinds.authorizationPolicies, isShown, () =>
    fleet.management.patch(
      kinds.workspaces,
      "shop",
      { spec: { isolation } },
      { type: "merge", namespace: managementNamespace },
    ),
  );
}

/** A Service of the first cluster gets another port: how long until all others know it. */
function exportService(port: string): Promise<Arrivals> {
  const [first, ...others] = fleet.clusters;
  if (first === undefined) return Promise.resolve([]);
  const isShown = (items: readonly KubeObject[]) =>
    items.some((entry) => JSON.stringify(entry["spec"]).includes(`"number":${port}`));
  return arrivals(others, kinds.serviceEntries as Kind<KubeObject>, isShown, () =>
    first.client.patch(
      kinds.services,
      "exported",
      { spec: { ports: [{ name: "http", port: Number(port) }] } },
      { type: "merge", namespace },
    ),
  );
}

async function arrivals<T extends KubeObject>(
  clusters: Fleet["clusters"],
  kind: Kind<T>,
  isShown: (items: readonly KubeObject[]) => boolean,
  change: () => Promise<unknown>,
): Promise<Arrivals> {
  const over = new AbortController();
  const informers = clusters.map(({ client }) =>
    startInformer(client, kind, { signal: over.signal, log: silentLogger }),
  );
  await Promise.all(informers.map(({ synced }) => synced));
  const began = performance.now();
  const arrived = informers.map((informer) =>
    waitFor(() => (isShown(informer.list()) ? performance.now() - began : undefined), {
      signal: patience(),
      changes: informer.changes,
    }),
  );
  await change();
  const times = await Promise.all(arrived);
  over.abort();
  return times.sort((a, b) => a - b);
}

function accountOf(cluster: string) {
  return { name: `agent-${cluster}`, namespace: managementNamespace };
}

function namespaceObject(name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** What federation and workspaces look at: a mesh configuration, a gateway with an address, Services. */
function clusterObjects(cluster: string, address: string, count: number): readonly KubeObject[] {
  const service = (name: string): KubeObject =>
    ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] },
    }) as KubeObject;
  return [
    namespaceObject(systemNamespace, { "topology.istio.io/network": cluster }),
    namespaceObject(namespace, { "istio-injection": "enabled" }),
    namespaceObject(managementNamespace),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "istio", namespace: systemNamespace },
      data: { mesh: `trustDomain: ${cluster}\n` },
    } as KubeObject,
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: "istio-eastwestgateway",
        namespace: systemNamespace,
        labels: { "topology.istio.io/network": cluster },
      },
      spec: {
        type: "LoadBalancer",
        selector: { istio: "eastwestgateway" },
        ports: [{ name: "tls", port: 15443 }],
        externalIPs: [address],
      },
    } as KubeObject,
    service("exported"),
    ...Array.from({ length: count - 1 }, (_, i) => service(`web-${i}`)),
  ];
}

async function createAll(client: KubeClient, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const kind = Object.values(kinds).find(
      (one) =>
        one.kind === object.kind &&
        `${one.group === "" ? "" : `${one.group}/`}${one.version}` === object.apiVersion,
    );
    if (kind === undefined) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
    const make = () => client.create(kind as Kind<KubeObject>, object);
    // A kind is served a moment after its definition.
    await waitFor(
      () => make().catch((reason) => (String(reason).includes("404") ? undefined : Promise.reject(reason))),
      {
        signal: patience(),
      },
    );
  }
}
