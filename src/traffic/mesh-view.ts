import { parse } from "yaml";
import {
  clusterKinds,
  configKinds,
  createChanges,
  createWorld,
  createWorldObjects,
  makeSnapshot,
  type ProxySnapshot,
  setClusterObject,
  setConfigObject,
  type World,
} from "../discovery/index.ts";
import {
  type ConfigMap,
  type EndpointSlice,
  isJsonObject,
  type KubeObject,
  kinds,
  networkLabel,
  type Pod,
  type Service,
  systemNamespace,
  workloadOf,
} from "../kube/index.ts";
import { plannedAddress } from "./apply-changes.ts";
import { type ClusterObjects, remoteSecretLabel } from "./cluster-objects.ts";
import { proxyNodeOf, serviceAccountOf } from "./mesh-pods.ts";

/** A pod and the cluster that it is in. */
export interface PlacedPod {
  readonly cluster: string;
  readonly pod: Pod;
}

/** A mesh at one moment, as the control planes of its clusters would configure its proxies. */
export interface MeshView {
  readonly clusters: ReadonlyMap<string, ClusterView>;
  /** The configuration of a pod's proxy; undefined when no control plane serves its cluster, or it has none. */
  snapshotOf(placed: PlacedPod): ProxySnapshot | undefined;
  /** "spiffe://…" of a pod with a proxy. */
  identityOf(placed: PlacedPod): string;
  /** Pods of the Services that have an external address, gateways for the most part. */
  behind(address: string): readonly PlacedPod[];
  podAt(cluster: string, address: string): Pod | undefined;
  /** Network that a cluster's pods count as; undefined where nothing says. */
  networkOf(cluster: string): string | undefined;
}

export interface ClusterView {
  readonly cluster: string;
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  /** As its namespace of Istio says. */
  readonly network: string | undefined;
  /** Which cluster's control plane serves it; undefined: none. */
  readonly primary: string | undefined;
}

/** Puts the clusters' objects where the control planes would have them. */
export function viewMesh(all: readonly ClusterObjects[]): MeshView {
  const byName = new Map(all.map((one) => [one.cluster, one]));
  const primaries = new Map(all.map(({ cluster }) => [cluster, primaryOf(cluster, byName)]));
  const clusters = new Map(
    all.map((one): [string, ClusterView] => {
      const objects = [...one.objects.values()];
      return [
        one.cluster,
        {
          cluster: one.cluster,
          pods: objects.filter((object): object is Pod => object.kind === "Pod"),
          services: objects.filter(isService),
          slices: objects.filter((object): object is EndpointSlice => object.kind === "EndpointSlice"),
          network: systemOf(one)?.metadata.labels?.[networkLabel],
          primary: primaries.get(one.cluster),
        },
      ];
    }),
  );
  const hostNames = hostNameAddresses(clusters);
  const worlds = new Map<string, World>();
  for (const primary of new Set([...primaries.values()].filter((name) => name !== undefined))) {
    const own = byName.get(primary);
    if (own !== undefined) worlds.set(primary, worldOf(own, byName, hostNames));
  }
  const gateways = outerAddresses(clusters, hostNames);
  const byAddress = new Map(
    [...clusters.values()].map(({ cluster, pods }) => [
      cluster,
      new Map(pods.map((pod) => [pod.status?.podIP ?? "", pod])),
    ]),
  );
  const worldFor = (cluster: string) => worlds.get(primaries.get(cluster) ?? "");
  const networkOf = (cluster: string) => {
    const world = worldFor(cluster);
    return (
      clusters.get(cluster)?.network ?? (world === undefined ? undefined : networkByRegistry(world, cluster))
    );
  };
  const snapshots = new Map<Pod, ProxySnapshot | undefined>();
  return {
    clusters,
    snapshotOf({ cluster, pod }) {
      if (snapshots.has(pod)) return snapshots.get(pod);
      const world = worldFor(cluster);
      const node = world === undefined ? undefined : proxyNodeOf(pod, cluster, networkOf(cluster));
      // What discovery leaves out it says of the objects themselves, by analyze and by webhooks.
      const made =
        world === undefined || node === undefined ? undefined : makeSnapshot(world, node, () => {});
      snapshots.set(pod, made);
      return made;
    },
    identityOf({ cluster, pod }) {
      const domain = worldFor(cluster)?.rules.mesh.trustDomain ?? "cluster.local";
      return `spiffe://${domain}/ns/${pod.metadata.namespace}/sa/${serviceAccountOf(pod)}`;
    },
    behind: (address) => gateways.get(address) ?? [],
    podAt: (cluster, address) => byAddress.get(cluster)?.get(address),
    networkOf,
  };
}

/** "Deployment sample/curl": what a pod is told apart from others by. */
export function workloadId({ pod }: PlacedPod): string {
  const { kind, name } = workloadOf(pod);
  return `${kind} ${pod.metadata.namespace}/${name}`;
}

function systemOf({ objects }: ClusterObjects): KubeObject | undefined {
  return objects.get(` Namespace ${systemNamespace}`);
}

/** Istio's ConfigMap, of whichever revision; a control plane runs where it is. */
function meshConfigMap({ objects }: ClusterObjects): ConfigMap | undefined {
  const found = [...objects.values()].filter(
    (object): object is ConfigMap =>
      object.kind === "ConfigMap" &&
      /^istio(-|$)/.test(object.metadata.name) &&
      isJsonObject(object["data"]) &&
      object["data"]["mesh"] !== undefined,
  );
  return found.find(({ metadata }) => metadata.name === "istio") ?? found[0];
}

/** Clusters whose remote credentials a control plane has. */
function readBy({ objects }: ClusterObjects): readonly string[] {
  return [...objects.values()].flatMap((object) => {
    if (object.kind !== "Secret" || object.metadata.labels?.[remoteSecretLabel] !== "true") return [];
    const names = isJsonObject(object["data"]) ? Object.keys(object["data"]) : [];
    const annotated = object.metadata.annotations?.["networking.istio.io/cluster"];
    return names.length > 0 ? names : annotated === undefined ? [] : [annotated];
  });
}

/** The control plane that a remote names; else its own; else one that reads it. */
function primaryOf(cluster: string, all: ReadonlyMap<string, ClusterObjects>): string | undefined {
  const own = all.get(cluster);
  if (own === undefined) return undefined;
  const named = systemOf(own)?.metadata.annotations?.["topology.istio.io/controlPlaneClusters"];
  const other = named?.split(",").find((name) => name !== cluster && all.has(name));
  if (other !== undefined) return other;
  if (meshConfigMap(own) !== undefined) return cluster;
  return [...all.values()].find((one) => meshConfigMap(one) !== undefined && readBy(one).includes(cluster))
    ?.cluster;
}

function worldOf(
  primary: ClusterObjects,
  all: ReadonlyMap<string, ClusterObjects>,
  hostNames: ReadonlyMap<string, string>,
): World {
  const objects = createWorldObjects(primary.cluster, systemNamespace);
  const { data } = meshConfigMap(primary) ?? {};
  objects.mesh = readableYaml(data?.["mesh"]);
  objects.meshNetworks = readableYaml(data?.["meshNetworks"]);
  for (const [name, address] of hostNames) objects.gatewayAddresses.set(name, [address]);
  const changes = createChanges();
  for (const name of new Set([primary.cluster, ...readBy(primary)])) {
    for (const object of all.get(name)?.objects.values() ?? []) {
      const inCluster = clusterKinds.find((kind) => isOf(object, kinds[kind]));
      if (inCluster !== undefined) setClusterObject(objects, name, inCluster, object, false, changes);
      if (name !== primary.cluster) continue;
      const inConfig = configKinds.find((kind) => isOf(object, kinds[kind]));
      if (inConfig !== undefined) setConfigObject(objects, inConfig, object, false, changes);
    }
  }
  return createWorld(objects, () => {});
}

/** What nobody can read counts as absent, as for a control plane that starts with it. */
function readableYaml(text = ""): string {
  try {
    parse(text);
    return text;
  } catch {
    return "";
  }
}

function isOf(object: KubeObject, kind: { readonly group: string; readonly kind: string }): boolean {
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0] : "";
  return object.kind === kind.kind && group === kind.group;
}

function isService(object: KubeObject): object is Service {
  return object.kind === "Service" && object.apiVersion === "v1";
}

/** An address that stands for each host name of a load balancer: nothing is looked up for a plan. */
function hostNameAddresses(clusters: ReadonlyMap<string, ClusterView>): ReadonlyMap<string, string> {
  const names = [...clusters.values()].flatMap(({ services }) =>
    services.flatMap(({ status }) =>
      (status?.loadBalancer?.ingress ?? []).flatMap(({ hostname }) => hostname ?? []),
    ),
  );
  // The upper end of the range that planned addresses begin at the lower end of.
  return new Map(
    [...new Set(names)].sort().map((name, i) => [name.toLowerCase(), plannedAddress(65_500 - i)]),
  );
}

function outerAddresses(
  clusters: ReadonlyMap<string, ClusterView>,
  hostNames: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly PlacedPod[]> {
  const found = new Map<string, PlacedPod[]>();
  for (const { cluster, services, pods } of clusters.values()) {
    for (const { spec, status, metadata } of services) {
      const selector = Object.entries(spec.selector ?? {});
      if (selector.length === 0) continue;
      const outer = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) =>
        hostname === undefined ? (ip ?? []) : [hostname, hostNames.get(hostname.toLowerCase()) ?? ""],
      );
      const addresses = [...outer, ...(spec.externalIPs ?? [])].filter((address) => address !== "");
      if (addresses.length === 0) continue;
      const own = pods
        .filter(
          (pod) =>
            pod.metadata.namespace === metadata.namespace &&
            selector.every(([name, value]) => pod.metadata.labels?.[name] === value),
        )
        .map((pod) => ({ cluster, pod }));
      for (const address of addresses) found.set(address, [...(found.get(address) ?? []), ...own]);
    }
  }
  return found;
}

/** The network that Istio's ConfigMap gives a cluster by its name. */
function networkByRegistry({ rules }: World, cluster: string): string | undefined {
  return Object.entries(rules.meshNetworks.networks ?? {}).find(([, settings]) =>
    settings?.endpoints?.some(({ fromRegistry }) => fromRegistry === cluster),
  )?.[0];
}
