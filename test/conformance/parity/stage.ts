import type { Socket } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { silentLogger, systemClock, waitFor } from "../../../src/base/index.ts";
import { makeSnapshot, type ProxyNode, parseProxyNode } from "../../../src/discovery/index.ts";
import { startProxy } from "../../../src/proxy/index.ts";
import { createFakeDiscovery, type FakeDiscovery } from "../../../src/proxy/testing/fake-discovery.ts";
import { createEnvoyHost } from "../../../src/runtime/agent/envoy/envoy-host.ts";
import { startEnvoy } from "../../../src/runtime/agent/envoy/start-envoy.ts";
import { type AgentProxy, createMeshNetwork, type PodNetwork } from "../../../src/runtime/index.ts";
import { answersOf } from "../../../src/runtime/test-support/answers-of.ts";
import { claimBlock } from "../../../src/runtime/test-support/claim-block.ts";
import { ClusterSchema } from "../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { type Node, NodeSchema } from "../../../src/xds/gen/envoy/config/core/v3/base_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../../src/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../../src/xds/gen/envoy/config/route/v3/route_pb.js";
import type { Snapshot } from "../../../src/xds/index.ts";
import { encodeSnapshot } from "../support/encode-snapshot.ts";
import { type Apps, startApps } from "./apps.ts";
import type { TlsIdentity } from "./ask.ts";
import type { Case, Connection, ProxyName } from "./case.ts";
import type { Keys } from "./keys.ts";
import type { Outside } from "./outside.ts";
import {
  type AppPlace,
  apps as appPlaces,
  atBlocks,
  type Blocks,
  pods,
  services,
  worldWith,
} from "./world.ts";

export type Dataplane = "built-in" | "envoy";

/** The world with one kind of proxy in it. */
export interface Stage {
  readonly blocks: Blocks;
  readonly apps: Apps;
  /** Leads the case's proxy to what discovery makes of its objects; rejects when the proxy refuses any of it. */
  show(row: Pick<Case, "proxy" | "objects" | "mesh" | "change">): Promise<void>;
  /** Opens a connection as the case's clients do: from the client's app, or from the caller to server and gateway. */
  connect(proxy: ProxyName, connection: Connection, service: string): Promise<Socket>;
  identity(connection: Connection): TlsIdentity | undefined;
  /** Lines of a proxy's access log so far. */
  lines(proxy: ProxyName): readonly string[];
  stop(): Promise<void>;
}

interface StagedProxy {
  readonly discovery: FakeDiscovery;
  readonly proxy: AgentProxy;
  readonly node: ProxyNode;
  readonly lines: string[];
  isWarm(): Promise<boolean>;
}

const soon = () => AbortSignal.timeout(30_000);

/** Opens a stage; `binary` is Envoy's, undefined for the built-in proxy. */
export async function openStage(keys: Keys, outside: Outside, binary: string | undefined): Promise<Stage> {
  const stops: (() => unknown)[] = [];
  const { block, release } = await claimBlock();
  stops.push(release);
  const blocks = { block, outside: outside.block };
  const mesh = createMeshNetwork({
    clock: systemClock,
    log: silentLogger,
    connectTimeoutMs: 300,
    clusters: [{ name: "c1", block, network: "", answer: answersOf(() => []) }],
  });
  stops.push(() => mesh.stop());
  const networks = new Map<string, PodNetwork>();
  for (const [name, { host }] of Object.entries(pods)) {
    const address = `127.${block}.1.${host}`;
    const pod = await mesh.attachPod({ cluster: "c1", namespace: "shop", name, address });
    networks.set(name, pod.network);
  }
  const network = (name: string): PodNetwork => {
    const found = networks.get(name);
    if (found === undefined) throw new Error(`no pod ${name}`);
    return found;
  };
  const apps = await startApps(
    (name) => {
      const { host, port } = appPlaces[name];
      return host === pods.server.host
        ? network("server").appAddress(port)
        : { address: `127.${block}.1.${host}`, port };
    },
    (name) =>
      keys.app(appPlaces[name].speaks === "mtls" ? `spiffe://cluster.local/ns/shop/sa/${name}` : undefined),
  );
  stops.push(() => apps.stop());
  const proxies = new Map<ProxyName, StagedProxy>();
  const host = createEnvoyHost();

  const encoded = (proxy: ProxyNode, row: Pick<Case, "objects" | "mesh" | "change">) => {
    const world = worldWith(blocks, row, keys.kubernetesSecrets);
    const made = makeSnapshot(world, { ...proxy, isStock: true }, (problem) => {
      throw new Error(problem);
    });
    if (row.change === undefined) return encodeSnapshot(made);
    const own = copyOf(made);
    row.change(own);
    return encodeSnapshot(own);
  };

  const start = async (name: ProxyName): Promise<StagedProxy> => {
    const node = nodeOf(name, block);
    const parsed = parseProxyNode(node);
    const discovery = createFakeDiscovery(encoded(parsed, {}));
    const pod = network(name);
    const lines: string[] = [];
    const options = {
      node,
      openAds: discovery.openAds,
      secrets: keys.secrets(name),
      network: {
        ...pod,
        dial: (to: Parameters<PodNetwork["dial"]>[0], from?: string) => pod.dial(to, from ?? pod.address),
      },
      accessLog: (line: string) => lines.push(line),
      log: silentLogger,
      clock: systemClock,
    };
    const proxy: AgentProxy =
      binary === undefined ? startProxy(options) : await startEnvoy({ ...options, binary, host });
    stops.push(() => proxy.stop(0));
    await waitFor(() => (proxy.state.ready ? true : undefined), { changes: proxy.changes, signal: soon() });
    if (name !== "gateway") pod.intercept(proxy);
    if (name === "server")
      for (const app of Object.values(appPlaces) as AppPlace[])
        if (app.host === pods.server.host) await pod.exposeAppPort(app.port);
    return {
      discovery,
      proxy,
      node: parsed,
      lines,
      async isWarm() {
        if (!discovery.isSettled) return false;
        if (binary === undefined) return true;
        const { body } = await proxy.admin(
          "/stats",
          new URLSearchParams({ filter: "_warming$|warming_clusters$" }),
          "GET",
        );
        return !/: [1-9]/.test(body);
      },
    };
  };

  return {
    blocks,
    apps,
    async show(row) {
      let staged = proxies.get(row.proxy);
      if (staged === undefined) {
        staged = await start(row.proxy);
        proxies.set(row.proxy, staged);
      }
      const { discovery } = staged;
      const before = discovery.requests.length;
      discovery.replace(encoded(staged.node, row));
      await waitFor(async () => ((await staged.isWarm()) ? true : undefined), { signal: soon(), every: 3 });
      // What is asked for as a consequence comes a turn later.
      await new Promise((resolve) => setTimeout(resolve, 2));
      await waitFor(async () => ((await staged.isWarm()) ? true : undefined), { signal: soon(), every: 3 });
      const refused = discovery.requests
        .slice(before)
        .flatMap(({ errorDetail }) => errorDetail?.message ?? []);
      if (refused.length > 0) throw new Error(`refused: ${refused.join("\n")}`);
    },
    async connect(proxy, connection, service) {
      const to = destination(proxy, connection, service, blocks);
      if (proxy === "client") return network("client").connect(to.address, to.port);
      return dial(() => network("caller").dial(to));
    },
    identity: ({ tls }) => (tls === undefined ? undefined : keys.client(tls)),
    lines: (proxy) => proxies.get(proxy)?.lines ?? [],
    async stop() {
      for (const stop of stops.splice(0).reverse()) await stop();
    },
  };
}

/** A gateway's port is bound a moment after its listener was taken. */
async function dial(open: () => Socket): Promise<Socket> {
  const deadline = Date.now() + 1000;
  for (;;) {
    const socket = open();
    const failure = await new Promise<Error | undefined>((resolve) => {
      socket.once("connect", () => resolve(undefined));
      socket.once("error", resolve);
    });
    if (failure === undefined) return socket;
    if (Date.now() > deadline) throw failure;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function destination(proxy: ProxyName, { to }: Connection, service: string, blocks: Blocks) {
  const { block } = blocks;
  const written = to === undefined ? undefined : atBlocks(to, blocks);
  const [address = "", port = ""] = written?.split(":") ?? [];
  if (address !== "") return { address, port: Number(port) };
  if (proxy === "client") {
    const ip = services[service.split(/[.:]/)[0] ?? ""];
    return ip === undefined
      ? { address: `127.${block}.200.200`, port: Number(port || 80) }
      : { address: `127.${block}.128.${ip}`, port: Number(port || 80) };
  }
  return { address: `127.${block}.1.${pods[proxy].host}`, port: Number(port || 8080) };
}

function nodeOf(name: ProxyName, block: number): Node {
  const { host, labels, type } = pods[name];
  const address = `127.${block}.1.${host}`;
  return create(NodeSchema, {
    id: `${type}~${address}~${name}.shop~shop.svc.cluster.local`,
    cluster: `${name}.shop`,
    locality: { region: "r1", zone: "z1" },
    metadata: {
      CLUSTER_ID: "c1",
      NAMESPACE: "shop",
      NAME: name,
      LABELS: { ...labels },
      SERVICE_ACCOUNT: name,
      INSTANCE_IPS: address,
      ISTIO_VERSION: "1.32.0",
    },
  });
}

/** The snapshot with messages of its own: those that discovery makes are shared. */
function copyOf(snapshot: Snapshot): Snapshot {
  const again =
    <T>(schema: Parameters<typeof toBinary>[0]) =>
    ([name, message]: readonly [string, T]) =>
      [name, fromBinary(schema, toBinary(schema, message as never)) as T] as const;
  return {
    ...snapshot,
    clusters: new Map([...snapshot.clusters].map(again(ClusterSchema))),
    endpoints: new Map([...snapshot.endpoints].map(again(ClusterLoadAssignmentSchema))),
    listeners: new Map([...snapshot.listeners].map(again(ListenerSchema))),
    routes: new Map([...snapshot.routes].map(again(RouteConfigurationSchema))),
  };
}
