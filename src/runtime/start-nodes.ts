import { setMaxListeners } from "node:events";
import { kinds, objectKey, type Pod, type Service, startInformer } from "../kube/index.ts";
import { createConnector } from "./connector.ts";
import type { NodeSpec, NodesOptions, Runtime } from "./contracts.ts";
import { keepLease, nodeCapacity, registerNode } from "./node-objects.ts";
import type { ServiceAddress } from "./pod/env.ts";
import { createEventRecorder } from "./pod/events.ts";
import { type NodeServices, podsFolder } from "./pod/pod-place.ts";
import { type PodWorker, startPodWorker } from "./pod/pod-worker.ts";
import { removeLeftVolumes } from "./pod/volume-folders.ts";
import { writePodTools } from "./pod-tools/write-pod-tools.ts";
import { endLeftovers } from "./process/leftover-processes.ts";
import { allStandIns, findStandIn } from "./stand-ins/find-stand-in.ts";
import { createUsageMeter, type MeteredContainer } from "./usage/usage-meter.ts";

/**
 * Registers the nodes and runs the pods that are bound to them, as a kubelet on each would. Resolves when all
 * nodes are ready in the API; pods of an earlier run of the engine are started again in their place, and by then the API
 * no longer says of them that they run.
 */
export async function startNodes(options: NodesOptions): Promise<Runtime> {
  const { client, clock, log, kubernetesVersion } = options;
  const stopped = new AbortController();
  const { signal } = stopped;
  // One listener per watch and lease, as many as there are nodes: no leak.
  setMaxListeners(0, signal);
  await endLeftovers(podsFolder(options.stateFolder));
  await removeLeftVolumes(options);
  const nodes = new Map(options.nodes.map((node) => [node.name, node]));
  const events = createEventRecorder({ client, component: "kubelet", clock, log });
  const services = createNodeServices(options, signal);
  const workers = new Map<string, PodWorker>();
  /** Pods whose objects are gone but whose containers have not all ended. */
  const leaving = new Set<Promise<void>>();

  const leave = (id: string, worker: PodWorker) => {
    workers.delete(id);
    const left = worker.removed().finally(() => leaving.delete(left));
    leaving.add(left);
  };
  const take = (pod: Pod) => {
    const id = objectKey(pod);
    const present = workers.get(id);
    if (present !== undefined && present.uid !== pod.metadata.uid) leave(id, present);
    const worker = workers.get(id);
    if (worker !== undefined) return worker.update(pod);
    const node = nodes.get(pod.spec.nodeName ?? "");
    if (node === undefined || isOver(pod)) return;
    workers.set(id, startPodWorker({ pod, node, services, events }));
  };

  const keeper = { client, kubernetesVersion, clock, log, signal };
  const registered = Promise.all(options.nodes.map((node) => registerNode(node, keeper)));
  const pods = startInformer(client, kinds.pods, { signal, log });
  pods.subscribe((change) => {
    if (change.type !== "deleted") return take(change.object);
    const id = objectKey(change.object);
    const worker = workers.get(id);
    if (worker !== undefined) leave(id, worker);
  });
  for (const node of await registered) {
    void keepLease(node, keeper);
    events.record(node, "Normal", "Starting", "Starting kubelet.");
  }
  await pods.synced;
  await Promise.all([...workers.values()].map(({ reported }) => reported));
  const meter = createUsageMeter(() => [...workers.values()].flatMap(meteredContainers), clock);
  return {
    ...createConnector((name) => workers.get(objectKey({ metadata: name }))),
    usage: meter.read,
    async stop(graceSeconds = 1) {
      stopped.abort();
      meter.stop();
      await Promise.all([
        ...[...workers.values()].map((worker) => worker.shutdown(graceSeconds)),
        ...leaving,
      ]);
    },
  };
}

function meteredContainers({ pod, containers }: PodWorker): readonly MeteredContainer[] {
  const { namespace = "default", name } = pod.metadata;
  return containers.flatMap((run) =>
    run.running === undefined
      ? []
      : [{ pod: { namespace, name }, name: run.name, running: run.running, execs: run.execs }],
  );
}

/** A pod that has ended stays ended, and one that is to go with it has nothing left to stop here. */
function isOver({ metadata, status }: Pod): boolean {
  return (
    (status?.phase === "Succeeded" || status?.phase === "Failed") && metadata.deletionTimestamp === undefined
  );
}

function createNodeServices(options: NodesOptions, signal: AbortSignal): NodeServices {
  const { client, log, stateFolder } = options;
  let tools: Promise<string> | undefined;
  const podTools = (): Promise<string> => {
    tools ??= writePodTools(stateFolder);
    return tools;
  };
  const standIns = allStandIns(options.images, options.standIns);
  const known = startInformer(client, kinds.services, { signal, log });
  return {
    options,
    podTools,
    standInFor: (container) => findStandIn(standIns, container),
    async servicesOf(namespace) {
      await known.synced;
      return known.list(namespace).flatMap(serviceAddress);
    },
    allocatable: (node: NodeSpec) => nodeCapacity(node),
  };
}

function serviceAddress({ metadata, spec }: Service): readonly ServiceAddress[] {
  const { clusterIP = "", ports = [] } = spec;
  if (clusterIP === "" || clusterIP === "None") return [];
  return [{ name: metadata.name, address: clusterIP, ports }];
}
