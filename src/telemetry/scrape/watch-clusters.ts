import type { Logger } from "../../base/index.ts";
import {
  type Informer,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Pod,
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
  const serviceEntries = watch(kinds.serviceEntries);
  return {
    client,
    pods,
    services: watch(kinds.services),
    endpointSlices: watch(kinds.endpointSlices),
    nodes: watch(kinds.nodes),
    deployments: watch(kinds.deployments),
    autoscalers: watch(autoscalers),
    gateways: derived(pods, (list) => new Set(list.flatMap(gatewayOf)), options.signal),
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
function gatewayOf({ metadata, spec }: Pod): string[] {
  const [first] = spec.containers;
  if (first?.name !== "istio-proxy" || spec.containers.length > 1) return [];
  const owner = metadata.ownerReferences?.[0];
  const hash = metadata.labels?.["pod-template-hash"];
  const name = owner?.name ?? metadata.name;
  // A Deployment's pods belong to its ReplicaSet.
  const workload = owner?.kind === "ReplicaSet" && hash !== undefined ? name.replace(`-${hash}`, "") : name;
  return [`${metadata.namespace ?? "default"}/${workload}`];
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
