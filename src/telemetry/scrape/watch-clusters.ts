import type { Logger } from "../../base/index.ts";
import {
  type Informer,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Node,
  type Pod,
  remoteClusterOf,
  startInformer,
} from "../../kube/index.ts";
import type { TelemetryCluster } from "../contracts.ts";
import { findTargets } from "./find-targets.ts";
import { objectMetrics } from "./object-metrics.ts";
import type { ScrapeTarget } from "./scrape-target.ts";

/** What telemetry knows of the objects of all clusters. A cluster that is away stays as it was last seen. */
export interface ClusterObjects {
  /** Resolves when every cluster has been read once, or failed to be. */
  readonly synced: Promise<void>;
  targets(): readonly ScrapeTarget[];
  /** The page of a target that is made of objects or answered by the Kubernetes API. */
  page(target: ScrapeTarget): Promise<string>;
  networkOf(cluster: string): string | undefined;
  /** Where the workload runs: where its cluster placed all of it, when that is not at home. */
  placeOf(cluster: string, namespace: string, workload: string): string;
  /** "namespace/workload" of a pod; undefined when it is not known. */
  workloadOf(cluster: string, namespace: string, pod: string): string | undefined;
  /** Whether the workload is nothing but a proxy. */
  isGateway(cluster: string, namespace: string, workload: string): boolean;
  isServiceEntry(host: string): boolean;
}

const autoscalers: Kind = {
  group: "autoscaling",
  version: "v2",
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  namespaced: true,
};

export function watchClusters(
  clusters: readonly TelemetryCluster[],
  options: { readonly signal: AbortSignal; readonly log: Logger },
): ClusterObjects {
  const watched = new Map(clusters.map((cluster) => [cluster.name, watchCluster(cluster, options)]));
  const all = [...watched.values()];
  return {
    synced: Promise.all(all.map(({ pods }) => synced(pods))).then(() => undefined),
    targets: () =>
      [...watched].flatMap(([cluster, { pods, services, endpointSlices, nodes }]) =>
        pods.isSynced
          ? findTargets({
              cluster,
              pods: pods.list(),
              services: services.list(),
              endpointSlices: endpointSlices.list(),
              nodes: nodes.list(),
            })
          : [],
      ),
    page({ cluster, address }) {
      const one = watched.get(cluster);
      if (one === undefined || address.kind === "http") throw new Error(`${cluster} has no such page`);
      if (address.kind === "api") return apiPage(one.client, address.path);
      return Promise.resolve(
        objectMetrics({
          deployments: one.deployments.list(),
          pods: one.pods.list(),
          autoscalers: one.autoscalers.list(),
        }),
      );
    },
    networkOf: (cluster) => clusters.find(({ name }) => name === cluster)?.network,
    placeOf: (cluster, namespace, workload) =>
      watched.get(cluster)?.places().get(`${namespace}/${workload}`) ?? cluster,
    workloadOf(cluster, namespace, name) {
      const pod = watched.get(cluster)?.pods.get(name, namespace);
      return pod === undefined ? undefined : workloadOf(pod);
    },
    isGateway: (cluster, namespace, workload) =>
      watched.get(cluster)?.gateways().has(`${namespace}/${workload}`) ?? false,
    isServiceEntry: (host) => all.some(({ hosts }) => hosts().has(host)),
  };
}

function watchCluster(
  { client }: TelemetryCluster,
  options: { readonly signal: AbortSignal; readonly log: Logger },
) {
  const watch = <T extends KubeObject>(kind: Kind<T>) => startInformer(client, kind, options);
  const pods = watch(kinds.pods);
  const nodes = watch(kinds.nodes);
  const serviceEntries = watch(kinds.serviceEntries);
  return {
    client,
    pods,
    services: watch(kinds.services),
    endpointSlices: watch(kinds.endpointSlices),
    nodes,
    deployments: watch(kinds.deployments),
    autoscalers: watch(autoscalers),
    gateways: derived(pods, (list) => new Set(list.flatMap(gatewayOf)), options.signal),
    places: derived(pods, (list) => placesOf(list, nodes.list()), options.signal),
    hosts: derived(
      serviceEntries,
      (list) =>
        new Set(list.flatMap(({ spec }) => (spec as { hosts?: readonly string[] } | undefined)?.hosts ?? [])),
      options.signal,
    ),
  };
}

/** A value made of an informer's objects, made again when they have changed and somebody asks. */
function derived<T extends KubeObject, V>(
  informer: Informer<T>,
  make: (objects: readonly T[]) => V,
  signal: AbortSignal,
): () => V {
  let value: V | undefined;
  informer.changes.subscribe(() => {
    value = undefined;
  }, signal);
  return () => {
    value ??= make(informer.list());
    return value;
  };
}

/** "namespace/workload" of a pod whose own container is a proxy. */
function gatewayOf(pod: Pod): string[] {
  const [first, ...more] = pod.spec.containers;
  return first?.name === "istio-proxy" && more.length === 0 ? [workloadOf(pod)] : [];
}

/** The other cluster on which all pods of a workload are, by "namespace/workload". */
function placesOf(pods: readonly Pod[], nodes: readonly Node[]): ReadonlyMap<string, string> {
  const remote = new Map(nodes.map((node) => [node.metadata.name, remoteClusterOf(node)]));
  const places = new Map<string, Set<string | undefined>>();
  if ([...remote.values()].every((cluster) => cluster === undefined)) return new Map();
  for (const pod of pods) {
    const workload = workloadOf(pod);
    const found = places.get(workload) ?? new Set();
    places.set(workload, found.add(remote.get(pod.spec.nodeName ?? "")));
  }
  return new Map(
    [...places].flatMap(([workload, [place, ...others]]) =>
      place === undefined || others.length > 0 ? [] : [[workload, place] as const],
    ),
  );
}

/** "namespace/workload", the workload as proxies name it. */
function workloadOf({ metadata }: Pod): string {
  const owner = metadata.ownerReferences?.[0];
  const hash = metadata.labels?.["pod-template-hash"];
  const name = owner?.name ?? metadata.name;
  // A Deployment's pods belong to its ReplicaSet.
  const workload = owner?.kind === "ReplicaSet" && hash !== undefined ? name.replace(`-${hash}`, "") : name;
  return `${metadata.namespace ?? "default"}/${workload}`;
}

async function synced(informer: Informer<KubeObject>): Promise<void> {
  await new Promise<void>((resolve) => {
    informer.synced.then(resolve, () => resolve());
    const inner = new AbortController();
    informer.changes.subscribe(() => {
      if (informer.failure === undefined) return;
      inner.abort();
      resolve();
    }, inner.signal);
  });
}

async function apiPage(client: KubeClient, path: string): Promise<string> {
  const { status, body } = await client.transport.send({
    method: "GET",
    path,
    query: new URLSearchParams(),
    headers: { accept: "text/plain" },
  });
  if (status !== 200) throw new Error(`server returned HTTP status ${status}`);
  return typeof body === "string" ? body : "";
}
