import {
  type EndpointSlice,
  type KubeObject,
  type Namespace,
  type Node,
  networkLabel,
  objectKey,
  type Pod,
  type Secret,
  type Service,
  serviceNameLabel,
} from "../../kube/index.ts";
import type {
  AuthorizationPolicy,
  DestinationRule,
  Gateway,
  PeerAuthentication,
  RequestAuthentication,
  ServiceEntry,
  Sidecar,
  Telemetry,
  VirtualService,
  WorkloadEntry,
} from "./config-types.ts";

/** Objects of one cluster that proxies' configuration is made of, by "namespace/name". */
export interface ClusterObjects {
  readonly id: string;
  readonly nodes: Map<string, Node>;
  readonly namespaces: Map<string, Namespace>;
  readonly services: Map<string, Service>;
  readonly endpointSlices: Map<string, EndpointSlice>;
  readonly pods: Map<string, Pod>;
  /** Those that may be a gateway's credential. */
  readonly secrets: Map<string, Secret>;
  /** Keys of endpointSlices by "namespace/service". */
  readonly slicesOfService: Map<string, Set<string>>;
}

/** Istio's objects, which count only in the control plane's own cluster. */
export interface ConfigObjects {
  readonly virtualServices: Map<string, VirtualService>;
  readonly destinationRules: Map<string, DestinationRule>;
  readonly gateways: Map<string, Gateway>;
  readonly serviceEntries: Map<string, ServiceEntry>;
  readonly workloadEntries: Map<string, WorkloadEntry>;
  readonly sidecars: Map<string, Sidecar>;
  readonly peerAuthentications: Map<string, PeerAuthentication>;
  readonly requestAuthentications: Map<string, RequestAuthentication>;
  readonly authorizationPolicies: Map<string, AuthorizationPolicy>;
  readonly telemetries: Map<string, Telemetry>;
}

/** What is read of every cluster. */
export const clusterKinds = ["nodes", "namespaces", "services", "pods", "endpointSlices", "secrets"] as const;
export type ClusterKind = (typeof clusterKinds)[number];

/** What is read of the control plane's own cluster beside that. */
export const configKinds = [
  "virtualServices",
  "destinationRules",
  "gateways",
  "serviceEntries",
  "workloadEntries",
  "sidecars",
  "peerAuthentications",
  "requestAuthentications",
  "authorizationPolicies",
  "telemetries",
] as const satisfies readonly (keyof ConfigObjects)[];
export type ConfigKind = (typeof configKinds)[number];

/** Everything that a World is made of, kept up to date by whoever watches the clusters. */
export interface WorldObjects {
  /** Cluster of the control plane. */
  readonly primary: string;
  readonly systemNamespace: string;
  readonly clusters: Map<string, ClusterObjects>;
  readonly config: ConfigObjects;
  /** YAML of MeshConfig and MeshNetworks as Istio's ConfigMap has them. */
  mesh: string;
  /** See DiscoveryOptions. */
  skipValidateTrustDomain: boolean;
  spawnGatewaySpans: boolean;
  meshNetworks: string;
  /** Addresses that were found for gateways given by host name. */
  readonly gatewayAddresses: Map<string, readonly string[]>;
  /** JSON Web Key Sets that were fetched, by the names that keysToFetch gives them. */
  keySets: ReadonlyMap<string, string>;
}

/** What changed since the last World: enough to make the next one without starting over. */
export interface WorldChanges {
  /** Hosts whose endpoints may differ. */
  readonly hosts: Set<string>;
  /** Pods ("cluster/namespace/name") whose own proxies may need other listeners. */
  readonly pods: Set<string>;
  /** Services or rules changed: everything is looked at again. */
  rules: boolean;
  /** Nodes, networks or a whole cluster changed: all endpoints are looked at again. */
  allEndpoints: boolean;
}

export function createWorldObjects(primary: string, systemNamespace: string): WorldObjects {
  return {
    primary,
    systemNamespace,
    clusters: new Map(),
    config: {
      virtualServices: new Map(),
      destinationRules: new Map(),
      gateways: new Map(),
      serviceEntries: new Map(),
      workloadEntries: new Map(),
      sidecars: new Map(),
      peerAuthentications: new Map(),
      requestAuthentications: new Map(),
      authorizationPolicies: new Map(),
      telemetries: new Map(),
    },
    mesh: "",
    skipValidateTrustDomain: false,
    spawnGatewaySpans: true,
    meshNetworks: "",
    gatewayAddresses: new Map(),
    keySets: new Map(),
  };
}

export function createChanges(): WorldChanges {
  return { hosts: new Set(), pods: new Set(), rules: false, allEndpoints: false };
}

/** Whether there is nothing to do. */
export function isUnchanged(changes: WorldChanges): boolean {
  return !changes.rules && !changes.allEndpoints && changes.hosts.size === 0 && changes.pods.size === 0;
}

/** The objects of cluster `id`, made empty when there are none yet. */
export function clusterObjects(objects: WorldObjects, id: string): ClusterObjects {
  let cluster = objects.clusters.get(id);
  if (cluster === undefined) {
    cluster = {
      id,
      nodes: new Map(),
      namespaces: new Map(),
      services: new Map(),
      endpointSlices: new Map(),
      pods: new Map(),
      secrets: new Map(),
      slicesOfService: new Map(),
    };
    objects.clusters.set(id, cluster);
  }
  return cluster;
}

/** Host name of a Kubernetes Service in the mesh. */
export function serviceHost(name: string, namespace: string, domain = "cluster.local"): string {
  return `${name}.${namespace}.svc.${domain}`;
}

/** "namespace/service" that an EndpointSlice belongs to. */
export function serviceOfSlice(slice: EndpointSlice): string | undefined {
  const service = slice.metadata.labels?.[serviceNameLabel];
  return service === undefined ? undefined : `${slice.metadata.namespace}/${service}`;
}

/** Puts an object of a cluster in its place (or takes it out) and notes in `changes` what that may alter. */
export function setClusterObject(
  objects: WorldObjects,
  clusterId: string,
  kind: ClusterKind,
  object: KubeObject,
  isDeleted: boolean,
  changes: WorldChanges,
): void {
  const cluster = clusterObjects(objects, clusterId);
  const key = objectKey(object);
  if (kind === "secrets" && !cluster.secrets.has(key) && !isCredential(object)) return;
  const previous = swap(cluster[kind] as Map<string, KubeObject>, key, object, isDeleted);
  switch (kind) {
    case "nodes":
      if (!sameFields(nodeFields, previous, isDeleted ? undefined : object)) changes.allEndpoints = true;
      return;
    case "namespaces":
      if (!sameFields(labelFields, previous, isDeleted ? undefined : object)) changes.rules = true;
      if (object.metadata.name === objects.systemNamespace) {
        const label = isDeleted ? undefined : object.metadata.labels?.[networkLabel];
        if (previous?.metadata.labels?.[networkLabel] !== label) changes.allEndpoints = true;
      }
      return;
    case "secrets":
      changes.rules = true;
      return;
    case "services":
      changes.rules = true;
      changes.hosts.add(serviceHost(object.metadata.name, object.metadata.namespace ?? ""));
      return;
    case "endpointSlices":
      noteSlice(
        cluster,
        key,
        previous as EndpointSlice | undefined,
        isDeleted ? undefined : (object as EndpointSlice),
        changes,
      );
      return;
    case "pods":
      if (sameFields(podFields, previous, isDeleted ? undefined : object)) {
        // Services hear of readiness by their slices; ServiceEntries have none.
        if (!sameFields(selectedPodFields, previous, object))
          noteEntries(objects, object.metadata.namespace ?? "", labelsOf([object as Pod]), changes);
        return;
      }
      notePod(
        objects,
        cluster,
        previous as Pod | undefined,
        isDeleted ? undefined : (object as Pod),
        changes,
      );
      return;
  }
}

const credentialKeys = ["tls.crt", "cert", "ca.crt", "cacert"];

/** Whether a Secret holds certificates; others are never kept. */
function isCredential(object: KubeObject): boolean {
  const { data } = object as Secret;
  return data !== undefined && credentialKeys.some((name) => name in data);
}

/** Puts one of Istio's objects in its place (or takes it out) and notes what that may alter. */
export function setConfigObject(
  objects: WorldObjects,
  kind: ConfigKind,
  object: KubeObject,
  isDeleted: boolean,
  changes: WorldChanges,
): void {
  const previous = swap(
    objects.config[kind] as Map<string, KubeObject>,
    objectKey(object),
    object,
    isDeleted,
  );
  changes.rules = true;
  if (kind === "serviceEntries") {
    for (const entry of [previous, object] as (ServiceEntry | undefined)[]) {
      for (const host of entry?.spec.hosts ?? []) changes.hosts.add(host.toLowerCase());
    }
  }
  if (kind === "workloadEntries") {
    const entries = [previous, object].flatMap((entry) =>
      entry === undefined ? [] : [entry as WorkloadEntry],
    );
    noteSelectors(
      objects,
      clusterObjects(objects, objects.primary),
      object.metadata.namespace ?? "",
      entries.map(workloadLabels),
      changes,
    );
  }
}

/** Notes the hosts of Services and ServiceEntries of a namespace that select one of these sets of labels. */
function noteSelectors(
  objects: WorldObjects,
  cluster: ClusterObjects,
  namespace: string,
  labelSets: readonly Readonly<Record<string, string>>[],
  changes: WorldChanges,
): void {
  for (const service of cluster.services.values()) {
    if (service.metadata.namespace !== namespace) continue;
    if (labelSets.some((labels) => selects(service.spec.selector, labels))) {
      changes.hosts.add(serviceHost(service.metadata.name, namespace));
    }
  }
  noteEntries(objects, namespace, labelSets, changes);
}

function noteEntries(
  objects: WorldObjects,
  namespace: string,
  labelSets: readonly Readonly<Record<string, string>>[],
  changes: WorldChanges,
): void {
  for (const entry of objects.config.serviceEntries.values()) {
    if (entry.metadata.namespace !== namespace) continue;
    if (labelSets.some((labels) => selects(entry.spec.workloadSelector?.labels, labels))) {
      for (const host of entry.spec.hosts ?? []) changes.hosts.add(host.toLowerCase());
    }
  }
}

function swap(
  map: Map<string, KubeObject>,
  key: string,
  object: KubeObject,
  isDeleted: boolean,
): KubeObject | undefined {
  const previous = map.get(key);
  if (isDeleted) map.delete(key);
  else map.set(key, object);
  return previous;
}

function noteSlice(
  cluster: ClusterObjects,
  key: string,
  previous: EndpointSlice | undefined,
  next: EndpointSlice | undefined,
  changes: WorldChanges,
): void {
  const before = previous === undefined ? undefined : serviceOfSlice(previous);
  const after = next === undefined ? undefined : serviceOfSlice(next);
  if (before !== undefined && before !== after) {
    const keys = cluster.slicesOfService.get(before);
    keys?.delete(key);
    if (keys?.size === 0) cluster.slicesOfService.delete(before);
  }
  if (after !== undefined) {
    const keys = cluster.slicesOfService.get(after) ?? new Set<string>();
    cluster.slicesOfService.set(after, keys.add(key));
  }
  for (const service of [before, after]) {
    if (service === undefined) continue;
    const [namespace = "", name = ""] = service.split("/");
    changes.hosts.add(serviceHost(name, namespace));
  }
}

function notePod(
  objects: WorldObjects,
  cluster: ClusterObjects,
  previous: Pod | undefined,
  next: Pod | undefined,
  changes: WorldChanges,
): void {
  const namespace = (next ?? previous)?.metadata.namespace ?? "";
  const name = (next ?? previous)?.metadata.name ?? "";
  changes.pods.add(`${cluster.id}/${namespace}/${name}`);
  const labelSets = labelsOf([previous, next]);
  noteSelectors(objects, cluster, namespace, labelSets, changes);
}

const labelsOf = (pods: readonly (Pod | undefined)[]) =>
  pods.flatMap((pod) => (pod === undefined ? [] : [pod.metadata.labels ?? {}]));

/** Whether a selector by equality picks these labels. An absent or empty one picks nothing. */
export function selects(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (selector === undefined) return false;
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([name, value]) => labels?.[name] === value);
}

type Fields = (object: KubeObject) => unknown;

const labelFields: Fields = ({ metadata }) => metadata.labels;

const nodeFields: Fields = ({ metadata, status }) => [metadata.labels, (status as Node["status"])?.addresses];

/** The fields of a pod that the mesh looks at; most status changes touch none of them. */
const podFields: Fields = (object) => {
  const { metadata, spec, status } = object as Pod;
  return [
    metadata.labels,
    metadata.annotations?.["traffic.sidecar.istio.io/includeInboundPorts"],
    metadata.ownerReferences,
    spec.serviceAccountName,
    spec.nodeName,
    status?.podIP,
    status?.podIPs,
    status?.phase === "Succeeded" || status?.phase === "Failed",
  ];
};

/** Those that count beside where a ServiceEntry selects the pod: no EndpointSlice tells of it there. */
const selectedPodFields: Fields = (object) => {
  const { metadata, status } = object as Pod;
  return [metadata.deletionTimestamp, status?.conditions?.find(({ type }) => type === "Ready")?.status];
};

/** Labels of a WorkloadEntry: those of its spec and, before them, its own. */
export function workloadLabels({ metadata, spec }: WorkloadEntry): Readonly<Record<string, string>> {
  return { ...spec.labels, ...metadata.labels };
}

function sameFields(fields: Fields, a: KubeObject | undefined, b: KubeObject | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify(fields(a)) === JSON.stringify(fields(b));
}
