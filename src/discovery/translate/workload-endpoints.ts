import type { Endpoint, EndpointSlice, Node, Pod } from "../../kube/index.ts";
import type { ServiceEntry, WorkloadEntrySpec } from "./config-types.ts";
import { isIp } from "./names.ts";
import type { NetworkOf } from "./network-gateways.ts";
import { type ClusterObjects, selects, type WorldObjects } from "./objects.ts";

/** One address and port behind a service, with what the mesh knows about the workload there. */
export interface WorkloadEndpoint {
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

type Workload = Omit<WorkloadEndpoint, "address" | "port" | "portName" | "health" | "weight">;

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

function podWorkload(
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
  const own = labels["istio-locality"];
  return own === undefined
    ? nodeLocality(node)
    : parseLocality(own.includes("/") ? own : own.replaceAll(".", "/"));
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

/** Endpoints of a ServiceEntry: those written in it, or the pods and WorkloadEntries that its selector picks. */
export function entryEndpoints(
  objects: WorldObjects,
  entry: ServiceEntry,
  networkOf: NetworkOf,
): WorkloadEndpoint[] {
  const { spec, metadata } = entry;
  const namespace = metadata.namespace ?? "";
  const selector = spec.workloadSelector?.labels;
  if (selector !== undefined) return selectedEndpoints(objects, entry, selector, networkOf);
  const written = spec.endpoints ?? [];
  if (written.length > 0) {
    return written.flatMap((endpoint, i) =>
      (spec.ports ?? []).flatMap((port) =>
        writtenEndpoint(objects, endpoint, port, namespace, `${metadata.name}-${i}`, networkOf),
      ),
    );
  }
  if (spec.resolution !== "DNS" && spec.resolution !== "DNS_ROUND_ROBIN") return [];
  return (spec.hosts ?? [])
    .filter((host) => !host.startsWith("*"))
    .flatMap((host) =>
      (spec.ports ?? []).flatMap((port) =>
        writtenEndpoint(objects, { address: host }, port, namespace, metadata.name, networkOf),
      ),
    );
}

type EntryPort = NonNullable<ServiceEntry["spec"]["ports"]>[number];

function writtenEndpoint(
  objects: WorldObjects,
  endpoint: WorkloadEntrySpec,
  port: EntryPort,
  namespace: string,
  workloadName: string,
  networkOf: NetworkOf,
): WorkloadEndpoint[] {
  const labels = endpoint.labels ?? {};
  const address = endpoint.address ?? "";
  if (address === "") return [];
  return [
    {
      address,
      port: endpoint.ports?.[port.name ?? ""] ?? port.targetPort ?? port.number,
      portName: port.name ?? "",
      labels,
      locality: parseLocality(endpoint.locality ?? ""),
      clusterId: objects.primary,
      network:
        endpoint.network ??
        (isIp(address) ? networkOf(undefined, address, labels) : (labels["topology.istio.io/network"] ?? "")),
      tlsMode:
        labels["security.istio.io/tlsMode"] ??
        (endpoint.serviceAccount === undefined || endpoint.serviceAccount === "" ? "disabled" : "istio"),
      namespace,
      serviceAccount: endpoint.serviceAccount ?? "",
      workloadName,
      health: "unknown",
      weight: endpoint.weight ?? 1,
      nodeName: "",
      hostname: "",
      subdomain: "",
    },
  ];
}

function selectedEndpoints(
  objects: WorldObjects,
  entry: ServiceEntry,
  selector: Readonly<Record<string, string>>,
  networkOf: NetworkOf,
): WorkloadEndpoint[] {
  const namespace = entry.metadata.namespace ?? "";
  const ports = entry.spec.ports ?? [];
  const found: WorkloadEndpoint[] = [];
  for (const workload of objects.config.workloadEntries.values()) {
    if (workload.metadata.namespace !== namespace) continue;
    const labels = { ...workload.metadata.labels, ...workload.spec.labels };
    if (!selects(selector, labels)) continue;
    for (const port of ports) {
      found.push(
        ...writtenEndpoint(
          objects,
          { ...workload.spec, labels },
          port,
          namespace,
          workload.metadata.name,
          networkOf,
        ),
      );
    }
  }
  for (const id of [...objects.clusters.keys()].sort()) {
    const cluster = objects.clusters.get(id);
    if (cluster === undefined) continue;
    for (const pod of cluster.pods.values()) {
      const address = pod.status?.podIP;
      if (pod.metadata.namespace !== namespace || address === undefined || !isRunning(pod)) continue;
      if (!selects(selector, pod.metadata.labels)) continue;
      const workload = podWorkload(cluster, pod, address, networkOf);
      for (const port of ports) {
        found.push({
          ...workload,
          address,
          port: port.targetPort ?? port.number,
          portName: port.name ?? "",
          health: isReady(pod) ? "healthy" : "unhealthy",
          weight: 1,
        });
      }
    }
  }
  return found;
}

const isRunning = (pod: Pod) =>
  pod.metadata.deletionTimestamp === undefined && !["Succeeded", "Failed"].includes(pod.status?.phase ?? "");
const isReady = (pod: Pod) =>
  (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");

/** Puts endpoints with the set of accounts behind them. */
export function hostEndpoints(endpoints: readonly WorkloadEndpoint[]): HostEndpoints {
  const accounts = new Set<string>();
  for (const { namespace, serviceAccount } of endpoints) {
    if (serviceAccount !== "") accounts.add(`${namespace}/${serviceAccount}`);
  }
  return { endpoints, accounts: [...accounts].sort() };
}
