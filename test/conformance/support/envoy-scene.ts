import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { silentLogger, systemClock, waitFor } from "../../../src/base/index.ts";
import { makeSnapshot, parseProxyNode, type World } from "../../../src/discovery/index.ts";
import { createFakeDiscovery, type FakeDiscovery } from "../../../src/proxy/testing/fake-discovery.ts";
import { type MutableSecrets, makeRoot, makeSecrets } from "../../../src/proxy/testing/world.ts";
import { createEnvoyHost } from "../../../src/runtime/agent/envoy/envoy-host.ts";
import { type EnvoyProxy, startEnvoy } from "../../../src/runtime/agent/envoy/start-envoy.ts";
import { createMeshNetwork, type MeshNetwork, type PodNetwork } from "../../../src/runtime/index.ts";
import { answersOf } from "../../../src/runtime/test-support/answers-of.ts";
import { claimBlock } from "../../../src/runtime/test-support/claim-block.ts";
import { type TypeUrl, typeUrls } from "../../../src/xds/index.ts";
import { readNode, readWorld } from "../golden/scene.ts";
import { encodeSnapshot } from "./encode-snapshot.ts";

const scenes = path.join(import.meta.dirname, "../../golden/scenes");

/** A pod of a scene with a real Envoy as its proxy. */
export interface EnvoyPod {
  readonly network: PodNetwork;
  readonly envoy: EnvoyProxy;
  readonly discovery: FakeDiscovery;
  readonly secrets: MutableSecrets;
  /** What discovery has for it, by name. */
  readonly listeners: ReadonlyMap<string, Uint8Array>;
  /** What Envoy wrote, access log included. */
  readonly lines: readonly string[];
  /** Serves HTTP as the pod's app. */
  app(port: number, answer: RequestListener): Promise<void>;
  /** Serves TCP as the pod's app. */
  tcpApp(port: number, onConnection: (socket: Socket) => void): Promise<void>;
}

/** A scene of test/golden, its addresses moved to loopback, with Envoys. */
export interface EnvoyScene {
  readonly mesh: MeshNetwork;
  readonly world: World;
  /** Moves an address of the scene's files to where it is here. */
  here(address: string): string;
  /** Opens the load balancer of a network's east-west gateway, in front of the gateway's pod. */
  balance(network: 1 | 2): Promise<void>;
  /** Gives a pod an address without a proxy. */
  attach(cluster: string, address: string): Promise<PodNetwork>;
  /** Starts the proxy of nodes/NAME.json and waits until it is ready. */
  start(name: string): Promise<EnvoyPod>;
  stop(): Promise<void>;
}

export async function openEnvoyScene(
  name: string,
  binary: string,
  options: { readonly lowestPort?: number; readonly names?: Readonly<Record<string, string>> } = {},
): Promise<EnvoyScene> {
  const stops: (() => unknown)[] = [];
  const [first, second] = [await claimBlock(), await claimBlock()];
  stops.push(first.release, second.release);
  const here = (text: string) =>
    text
      .replaceAll(/\b10\.10\.1\.(\d+)\b/g, `127.${first.block}.1.$1`)
      .replaceAll(/\b10\.20\.1\.(\d+)\b/g, `127.${second.block}.1.$1`)
      .replaceAll(/\b10\.1\.0\.(\d+)\b/g, `127.${first.block}.128.$1`)
      .replaceAll(/\b10\.2\.0\.(\d+)\b/g, `127.${second.block}.128.$1`)
      .replaceAll(/\b172\.18\.1\.(\d+)\b/g, `127.${first.block}.255.1$1`)
      .replaceAll(/\b172\.18\.2\.(\d+)\b/g, `127.${second.block}.255.1$1`);
  const folder = moved(path.join(scenes, name), here);
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  const world = readWorld(folder);
  const answer = answersOf((name) => [options.names?.[name] ?? []].flat().map(here));
  const mesh = createMeshNetwork({
    clock: systemClock,
    log: silentLogger,
    connectTimeoutMs: 300,
    clusters: [
      { name: "cluster1", block: first.block, network: "network1", answer },
      { name: "cluster2", block: second.block, network: "network2", answer },
    ],
    ...(options.lowestPort === undefined ? {} : { lowestPort: options.lowestPort }),
  });
  stops.push(() => mesh.stop());
  const root = makeRoot("mesh root");
  const host = createEnvoyHost();

  const start = async (proxy: string): Promise<EnvoyPod> => {
    const node = readNode(path.join(folder, "nodes", `${proxy}.json`));
    const { namespace, name: pod, serviceAccount, clusterId, addresses } = parseProxyNode(node);
    const [address = ""] = addresses;
    const { network } = await mesh.attachPod({ cluster: clusterId, namespace, name: pod, address });
    const resources = stockResources(world, path.join(folder, "nodes", `${proxy}.json`));
    const discovery = createFakeDiscovery(resources);
    const secrets = makeSecrets(root, `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`);
    const lines: string[] = [];
    const envoy = await startEnvoy({
      binary,
      host,
      node,
      openAds: discovery.openAds,
      secrets,
      network: { ...network, dial: (to, source) => network.dial(to, source ?? network.address) },
      accessLog: (line) => lines.push(line),
      log: silentLogger,
      clock: systemClock,
    });
    stops.push(() => envoy.stop(0));
    await waitFor(() => (envoy.state.ready ? true : undefined), {
      changes: envoy.changes,
      signal: AbortSignal.timeout(30_000),
    }).catch(() => {
      throw new Error(
        `${proxy} is not ready: ${JSON.stringify([...envoy.state.types])}\n${lines.join("\n")}`,
      );
    });
    if (node.id.startsWith("sidecar~")) network.intercept(envoy);
    const serve = async (server: Server, port: number) => {
      const place = network.appAddress(port);
      await new Promise<void>((resolve) => server.listen(place.port, place.address, resolve));
      stops.push(() => server.close());
      await network.exposeAppPort(port);
    };
    return {
      network,
      envoy,
      discovery,
      secrets,
      listeners: resources.get(typeUrls.listener) ?? new Map(),
      lines,
      async app(port, answer) {
        const server = createHttpServer(answer);
        stops.push(() => server.closeAllConnections());
        await serve(server, port);
      },
      tcpApp: (port, onConnection) => serve(createServer(onConnection), port),
    };
  };
  return {
    mesh,
    world,
    here,
    async balance(network) {
      const pod = { address: here(network === 1 ? "10.10.1.2" : "10.20.1.2"), port: 15443 };
      const address = here(network === 1 ? "172.18.1.1" : "172.18.2.1");
      const frontend = { cluster: `cluster${network}`, keepsSource: false, pick: () => pod };
      await mesh.bindFrontend(address, 15443, frontend);
    },
    async attach(cluster, address) {
      return (await mesh.attachPod({ cluster, namespace: "default", name: "other", address: here(address) }))
        .network;
    },
    start,
    async stop() {
      for (const stop of stops.splice(0).reverse()) await stop();
    },
  };
}

/** A copy of the scene with its addresses moved. */
function moved(scene: string, move: (text: string) => string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "scene-"));
  cpSync(scene, folder, { recursive: true });
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) writeFileSync(file, move(readFileSync(file, "utf8")));
  }
  return folder;
}

/** What discovery gives the proxy when it says that it has stock Envoy's extensions. */
export function stockResources(world: World, nodeFile: string): Map<TypeUrl, Map<string, Uint8Array>> {
  const node = readNode(nodeFile);
  const snapshot = makeSnapshot(world, { ...parseProxyNode(node), isStock: true }, (problem) => {
    throw new Error(problem);
  });
  return encodeSnapshot(snapshot);
}
