import type { Endpoint, EndpointSlice, Node, Pod } from "../../kube/index.ts";
import type { NetworkOf } from "./network-gateways.ts";
import type { ClusterObjects, WorldObjects } from "./objects.ts";

/** One address and port behind a service, with what the mesh knows about the workload there. */
export interface WorkloadEndpoint {
  /** An IP address; a host name where names are looked up. */
  readonly address: string;
  readonly port: number;
  readonly portName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  readonly clusterId: string;
  readonly network: string;
  /** "istio" when a sidecar there accepts mTLS. */
  readonly tlsMode: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly workloadName: string;
  readonly health: "unknown" | "healthy" | "unhealthy" | "draining";
  readonly weight: number;
  readonly nodeName: string;
  readonly hostname: string;
  readonly subdomain: string;
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** Endpoints of one host. Replaced as a whole, so that what was made from it can be kept beside it. */
export interface HostEndpoints {
  readonly endpoints: readonly WorkloadEndpoint[];
  /** "namespace/serviceaccount" behind the host, sorted. */
  readonly accounts: readonly string[];
}

export const noEndpoints: HostEndpoints = { endpoints: [], accounts: [] };

const parts = new WeakMap<HostEndpoints, Map<string, HostEndpoints>>();

/**
 * Those of a host's endpoints that belong to a namespace: ServiceEntries of several namespaces may name the same
 * host, and each has its own. The same object as long as `host` is.
 */
export function endpointsIn(host: HostEndpoints | undefined, namespace: string): HostEndpoints {
  if (host === undefined) return noEndpoints;
  let known = parts.get(host);
  if (known === undefined) {
    known = new Map();
    parts.set(host, known);
  }
  let part = known.get(namespace);
  if (part === undefined) {
    const own = host.endpoints.filter((endpoint) => endpoint.namespace === namespace);
    part = own.length === host.endpoints.length ? host : hostEndpoints(own);
    known.set(namespace, part);
  }
  return part;
}

/** "region/zone/subzone" without empty parts at the end. */
export function localityLabel({ region, zone, subzone }: Locality): string {
  if (zone === "") return region;
  return subzone === "" ? `${region}/${zone}` : `${region}/${zone}/${subzone}`;
}

/** All endpoints behind a Kubernetes Service in every cluster, those of the first cluster first. */
export function kubernetesEndpoints(
  objects: WorldObjects,
  name: string,
  namespace: string,
  networkOf: NetworkOf,
): WorkloadEndpoint[] {
  const found: WorkloadEndpoint[] = [];
  for (const id of [...objects.clusters.keys()].sort()) {
    const cluster = objects.clusters.get(id);
    if (cluster === undefined) continue;
    const service = cluster.services.get(`${namespace}/${name}`);
    const seen = new Set<string>();
    for (const key of cluster.slicesOfService.get(`${namespace}/${name}`) ?? []) {
      const slice = cluster.endpointSlices.get(key);
      if (slice === undefined || slice.addressType === "FQDN") continue;
      for (const made of sliceEndpoints(
        cluster,
        slice,
        networkOf,
        service?.spec.publishNotReadyAddresses === true,
      )) {
        const identity = `${made.address}|${made.port}|${made.portName}`;
        if (!seen.has(identity)) found.push(made);
        seen.add(identity);
      }
    }
  }
  return found;
}

function* sliceEndpoints(
  cluster: ClusterObjects,
  slice: EndpointSlice,
  networkOf: NetworkOf,
  publishNotReady: boolean,
): Iterable<WorkloadEndpoint> {
  for (const endpoint of slice.endpoints ?? []) {
    const target = endpoint.targetRef;
    const namespace = slice.metadata.namespace ?? "";
    const pod =
      target?.kind === "Pod" && target.name !== undefined
        ? cluster.pods.get(`${target.namespace ?? namespace}/${target.name}`)
        : undefined;
    const health = publishNotReady ? "healthy" : healthOf(endpoint);
    if (health === undefined) continue;
    for (const address of endpoint.addresses) {
      const workload =
        pod === undefined
          ? bareWorkload(cluster, namespace, endpoint, address, networkOf)
          : podWorkload(cluster, pod, address, networkOf, endpoint.nodeName);
      for (const port of slice.ports ?? []) {
        if (port.port === undefined) continue;
        yield {
          ...workload,
          address,
          port: port.port,
          portName: port.name ?? "",
          health,
          weight: 1,
          hostname: endpoint.hostname ?? workload.hostname,
        };
      }
    }
  }
}

/** Undefined for an endpoint that has stopped serving. */
function healthOf({ conditions }: Endpoint): "healthy" | "unhealthy" | "draining" | undefined {
  if (conditions?.ready ?? true) return "healthy";
  if (conditions?.terminating === true) return conditions.serving === true ? "draining" : undefined;
  return "unhealthy";
}

export type Workload = Omit<WorkloadEndpoint, "address" | "port" | "portName" | "health" | "weight">;

function bareWorkload(
  cluster: ClusterObjects,
  namespace: string,
  endpoint: Endpoint,
  address: string,
  networkOf: NetworkOf,
): Workload {
  return {
    labels: {},
    locality: nodeLocality(
      endpoint.nodeName === undefined ? undefined : cluster.nodes.get(endpoint.nodeName),
    ),
    clusterId: cluster.id,
    network: networkOf(cluster.id, address, {}),
    tlsMode: "disabled",
    namespace,
    serviceAccount: "",
    workloadName: "",
    nodeName: endpoint.nodeName ?? "",
    hostname: "",
    subdomain: "",
  };
}

/** What the mesh knows about a pod as the workload behind `address`. */
export function podWorkload(
  cluster: ClusterObjects,
  pod: Pod,
  address: string,
  networkOf: NetworkOf,
  nodeName = pod.spec.nodeName ?? "",
): Workload {
  const labels = pod.metadata.labels ?? {};
  return {
    labels,
    locality: podLocality(labels, cluster.nodes.get(nodeName)),
    clusterId: cluster.id,
    network: networkOf(cluster.id, address, labels),
    tlsMode: labels["security.istio.io/tlsMode"] ?? "disabled",
    namespace: pod.metadata.namespace ?? "",
    serviceAccount: pod.spec.serviceAccountName ?? "default",
    workloadName: workloadOf(pod).name,
    nodeName,
    hostname: pod.spec.hostname ?? "",
    subdomain: pod.spec.subdomain ?? "",
  };
}

/** Name and kind of the workload that made a pod: its Deployment rather than the ReplicaSet, else its owner, else itself. */
export function workloadOf(pod: { readonly metadata: Partial<Pod["metadata"]> }): {
  readonly name: string;
  readonly kind: string;
  readonly apiVersion: string;
} {
  const { metadata } = pod;
  const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) {
    const generated = metadata.generateName?.replace(/-$/, "");
    return { name: metadata.name ?? generated ?? "", kind: "Pod", apiVersion: "v1" };
  }
  const hash = metadata.labels?.["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return { name: owner.name.slice(0, -hash.length - 1), kind: "Deployment", apiVersion: "apps/v1" };
  }
  return { name: owner.name, kind: owner.kind, apiVersion: owner.apiVersion };
}

function podLocality(labels: Readonly<Record<string, string>>, node: Node | undefined): Locality {
  return labelLocality(labels) ?? nodeLocality(node);
}

/** The locality that a workload's own labels name, if any. Label values can't have slashes, so dots stand for them. */
export function labelLocality(labels: Readonly<Record<string, string>>): Locality | undefined {
  const own = labels["topology.istio.io/locality"] ?? labels["istio-locality"];
  if (own === undefined) return undefined;
  return parseLocality(own.includes("/") ? own : own.replaceAll(".", "/"));
}

/** Locality by a node's well-known topology labels. */
export function nodeLocality(node: Node | undefined): Locality {
  const labels = node?.metadata.labels ?? {};
  return {
    region:
      labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "",
    zone: labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "",
    subzone: labels["topology.istio.io/subzone"] ?? "",
  };
}

/** "region/zone/subzone" taken apart. */
export function parseLocality(text: string): Locality {
  const [region = "", zone = "", subzone = ""] = text.split("/");
  return { region, zone, subzone };
}

/** Puts endpoints with the set of accounts behind them. */
export function hostEndpoints(endpoints: readonly WorkloadEndpoint[]): HostEndpoints {
  const accounts = new Set<string>();
  for (const { namespace, serviceAccount } of endpoints) {
    if (serviceAccount !== "") accounts.add(`${namespace}/${serviceAccount}`);
  }
  return { endpoints, accounts: [...accounts].sort() };
}
