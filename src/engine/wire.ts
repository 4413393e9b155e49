import path from "node:path";
import { type ApiServer, openChangeLog, startApiServer } from "../apiserver/index.ts";
import { type Clock, type Logger, startAll } from "../base/index.ts";
import type { Console } from "../console/index.ts";
import { startControllers } from "../controllers/index.ts";
import { createClusterDns } from "../dns/index.ts";
import {
  type ApiTransport,
  createHttpTransport,
  createKubeClient,
  type KubeClient,
  kinds,
  type Pod,
  parseKubeconfig,
  serviceNameLabel,
  startInformer,
} from "../kube/index.ts";
import { placePods } from "../management/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";
import { startProxy } from "../proxy/index.ts";
import {
  createEnvoyProxies,
  createMeshNetwork,
  createProxyStandIn,
  type ImageCommand,
  type Locality,
  type MeshNetwork,
  type NodeSpec,
  type Runtime,
  type StandIn,
  startNodes,
  startServiceProxy,
} from "../runtime/index.ts";
import type { Traces } from "../telemetry/index.ts";
import { addressesOf, apiPort, type ClaimedBlock } from "./address-blocks.ts";
import { type ClusterKeys, clusterKeys } from "./cluster-keys.ts";
import { kubernetesVersionOf } from "./kubernetes-version.ts";
import { createMeshTelemetry, type MeshTelemetry } from "./mesh-telemetry.ts";
import { homeOf, type Peer } from "./peers.ts";
import { createPodConnector } from "./pod-connector.ts";
import { createCertManagerStandIns } from "./stand-ins/cert-manager/cert-manager.ts";
import { createGrafanaStandIn } from "./stand-ins/grafana.ts";
import { createJaegerStandIn } from "./stand-ins/jaeger.ts";
import { createKialiStandIn } from "./stand-ins/kiali.ts";
import { createAgentStandIn, createManagerStandIn } from "./stand-ins/management.ts";
import { createPilotStandIn } from "./stand-ins/pilot.ts";
import { createPrometheusStandIn, createReloaderStandIn } from "./stand-ins/prometheus.ts";

/** One running cluster of the engine. */
export interface RunningCluster {
  readonly cluster: Cluster;
  readonly keys: ClusterKeys;
  /** "https://127.16.0.1:6443" */
  readonly server: string;
  /** As a user that may do everything. */
  readonly client: KubeClient;
  /** The way of `client`. */
  readonly transport: ApiTransport;
  readonly runtime: Runtime;
  stop(): Promise<void>;
}

/** What the clusters of one mesh share. */
export interface MeshParts {
  readonly network: MeshNetwork;
  readonly standIns: readonly StandIn[];
  readonly images: ReadonlyMap<string, ImageCommand>;
  /** The traces of the whole mesh; loaded when first asked for. */
  openTraces(): Promise<Traces>;
  /** The clusters that run, to which each adds itself. */
  readonly peers: Map<string, Peer>;
  readonly telemetry: MeshTelemetry;
  /** Told of the console when it is there: kiali leads to it. */
  announceConsole(console: Console): void;
  readonly clock: Clock;
  readonly log: Logger;
}

const administrator = { name: "isthmus", groups: ["system:masters"] };

/** The parts that exist once for all clusters. `warn` is told, once, of ports that had to move. */
export function wireMesh(options: {
  readonly mesh: Mesh;
  readonly clock: Clock;
  readonly log: Logger;
  /** Path of Envoy's program, which then runs for every proxy; undefined: the built-in proxy. */
  readonly envoy: string | undefined;
  warn(message: string): void;
}): MeshParts {
  const { mesh, clock, log, envoy, warn } = options;
  const localities = new Map<string, Locality>(
    [...mesh.clusters.values()].flatMap((cluster) =>
      nodeNames(cluster).map((node, i) => [`${cluster.name}/${node}`, localityOf(cluster, i)] as const),
    ),
  );
  // Arguments in the mesh file are relative to its folder.
  const images = new Map(
    [...mesh.images].map(([pattern, standIn]) => [pattern, { ...standIn, cwd: mesh.folder }]),
  );
  const network = createMeshNetwork({ clock, log: log.child({ part: "network" }), warn });
  const telemetry = createMeshTelemetry({
    clock,
    log: log.child({ part: "telemetry" }),
    retention: mesh.telemetry.retention,
  });
  let traces: Promise<Traces> | undefined;
  const openTraces = () => {
    traces ??= import("../telemetry/index.ts").then(({ createTraces }) => createTraces({ clock }));
    return traces;
  };
  let announceConsole: MeshParts["announceConsole"] = () => {};
  const console = new Promise<Console>((resolve) => {
    announceConsole = resolve;
  });
  const standIns = [
    createProxyStandIn({
      startProxy: envoy === undefined ? startProxy : createEnvoyProxies(envoy),
      istioVersion: mesh.istio.version,
      locality: (cluster, node) => localities.get(`${cluster}/${node}`),
    }),
    createPilotStandIn({ connectRemote, clock }),
    createJaegerStandIn(openTraces),
    createKialiStandIn(console),
    ...createCertManagerStandIns(clock),
    createPrometheusStandIn(telemetry.telemetry),
    createReloaderStandIn(),
    createGrafanaStandIn(telemetry.telemetry),
    createManagerStandIn(clock),
    createAgentStandIn(clock),
  ];
  return { network, standIns, images, peers: new Map(), openTraces, telemetry, announceConsole, clock, log };
}

/**
 * Starts one cluster: API server, DNS, controllers, kube-proxy's stand-in, nodes. A part that fails to start takes those
 * before it down again. The claimed block's socket is handed over to the API server.
 */
export async function startCluster(
  cluster: Cluster,
  claimed: ClaimedBlock,
  parts: MeshParts,
  place: { readonly folder: string; readonly persistent: boolean },
): Promise<RunningCluster> {
  const { clock, network } = parts;
  const log = parts.log.child({ cluster: cluster.name });
  const addresses = addressesOf(claimed.block);
  const keys = clusterKeys(
    place.persistent ? place.folder : undefined,
    cluster.name,
    addresses.api,
    clock.now(),
  );
  const stopped = new AbortController();
  const signal = stopped.signal;
  let runtime: Runtime | undefined;
  let api: ApiServer | undefined;
  const ownPods = {
    logs: (...args: Parameters<Runtime["logs"]>) => running(runtime).logs(...args),
    exec: (...args: Parameters<Runtime["exec"]>) => running(runtime).exec(...args),
    attach: (...args: Parameters<Runtime["attach"]>) => running(runtime).attach(...args),
    portForward: (...args: Parameters<Runtime["portForward"]>) => running(runtime).portForward(...args),
    // No pods run before there are nodes.
    usage: async () => (await runtime?.usage()) ?? [],
  };
  const stop = await startAll([
    async () => {
      const changeLog = place.persistent
        ? openChangeLog(path.join(place.folder, "objects"), { clock, log })
        : undefined;
      api = await startApiServer({
        cluster: cluster.name,
        listen: { host: addresses.api, port: apiPort, accept: claimed.accept },
        tls: { key: keys.serverKey, cert: keys.serverCert },
        clientCa: keys.caCert,
        serviceAccountKey: keys.serviceAccountKey,
        kubernetesVersion: kubernetesVersionOf(cluster),
        serviceRange: addresses.services,
        pods: createPodConnector({
          own: ownPods,
          client: () => clientOf(api, administrator),
          peers: parts.peers,
        }),
        admissionPlugins: [placePods],
        dial: (address, port) => network.dialFromNode(cluster.name, { address, port }),
        ...(changeLog === undefined ? {} : { changeLog }),
        clock,
        log: log.child({ part: "apiserver" }),
      });
      parts.peers.set(cluster.name, {
        client: clientOf(api, administrator),
        clientAs: (user) => clientOf(api, user),
        apiService: { address: addresses.api, port: apiPort },
        pods: ownPods,
      });
      const stopApi = api.stop;
      return () => {
        parts.peers.delete(cluster.name);
        return stopApi();
      };
    },
    async () => {
      const client = clientOf(api, administrator);
      const services = startInformer(client, kinds.services, { signal, log });
      const endpointSlices = startInformer(client, kinds.endpointSlices, { signal, log });
      const nodes = startInformer(client, kinds.nodes, { signal, log });
      const dns = createClusterDns({
        service: (name, namespace) => services.get(name, namespace),
        services: () => services.list(),
        endpointSlices: (service, namespace) =>
          endpointSlices
            .list(namespace)
            .filter(({ metadata }) => metadata.labels?.[serviceNameLabel] === service),
        clock,
      });
      network.addCluster({
        name: cluster.name,
        block: claimed.block,
        network: cluster.network,
        answer: (question) => dns.answer(question),
      });
      const stopServices = startServiceProxy({
        cluster: cluster.name,
        block: claimed.block,
        network,
        services,
        endpointSlices,
        nodes,
        clock,
        log: log.child({ part: "service proxy" }),
      });
      return async () => {
        await stopServices();
        network.removeCluster(cluster.name);
      };
    },
    () =>
      startControllers({
        cluster: cluster.name,
        client: clientOf(api, administrator),
        apiCa: keys.caCert,
        loadBalancerAddresses: addresses.loadBalancers,
        serviceAccountToken: (account, secret) => running(api).signServiceAccountToken(account, secret),
        clock,
        log: log.child({ part: "controllers" }),
      }),
    async () => {
      runtime = await startNodes({
        cluster: cluster.name,
        client: clientOf(api, administrator),
        clientAs: (user) => clientOf(api, user),
        homeOf: (pod) => homeOf(cluster.name, pod, parts.peers),
        nodes: nodeSpecs(cluster, claimed.block),
        standIns: parts.standIns,
        images: parts.images,
        attachPod: (pod) => attachPod(network, cluster.name, pod),
        apiService: { address: addresses.services.first, port: 443 },
        kubernetesVersion: kubernetesVersionOf(cluster),
        stateFolder: place.folder,
        clock,
        log: log.child({ part: "runtime" }),
      });
      const started = runtime;
      return () => started.stop();
    },
  ]);
  const transport = running(api).transport(administrator);
  return {
    cluster,
    keys,
    server: cluster.server ?? `https://${addresses.api}:${apiPort}`,
    client: createKubeClient(transport),
    transport,
    runtime: running(runtime),
    async stop() {
      stopped.abort();
      await stop();
    },
  };
}

function clientOf(
  api: ApiServer | undefined,
  user: { readonly name: string; readonly groups: readonly string[] },
): KubeClient {
  return createKubeClient(running(api).transport(user));
}

/** A part that starts before whoever asks for it. */
function running<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("a part of the cluster is used before it has started");
  return part;
}

function attachPod(network: MeshNetwork, cluster: string, pod: Pod) {
  const { namespace = "default", name, annotations } = pod.metadata;
  return network.attachPod({
    cluster,
    namespace,
    name,
    ...(pod.spec.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(pod.status?.podIP === undefined ? {} : { address: pod.status.podIP }),
  });
}

function nodeNames(cluster: Cluster): string[] {
  return cluster.nodes.map((_, i) => `${cluster.name}-${i + 1}`);
}

function localityOf(cluster: Cluster, node: number): Locality {
  const zone = cluster.nodes[node]?.zone ?? cluster.zone;
  return { region: cluster.region ?? "", zone: zone ?? "", subZone: "" };
}

function nodeSpecs(cluster: Cluster, block: number): NodeSpec[] {
  const addresses = addressesOf(block);
  return nodeNames(cluster).map((name, i) => {
    const { region, zone } = localityOf(cluster, i);
    return {
      name,
      address: addresses.node(i),
      labels: {
        ...(region === "" ? {} : { "topology.kubernetes.io/region": region }),
        ...(zone === "" ? {} : { "topology.kubernetes.io/zone": zone }),
      },
      capacity: cluster.nodes[i]?.capacity ?? {},
    };
  });
}

/** Another cluster's API from istiod's pod: over the network, with nothing but what the remote secret says. */
function connectRemote(kubeconfig: string, context: Parameters<StandIn["start"]>[0]): KubeClient {
  const access = parseKubeconfig(kubeconfig);
  return createKubeClient(
    createHttpTransport({ ...access, connect: (address, port) => context.network.dial({ address, port }) }),
  );
}
