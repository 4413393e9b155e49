import { networkLabel, type Pod } from "../../kube/index.ts";
import type { ServiceEntry, WorkloadEntry, WorkloadEntrySpec } from "./config-types.ts";
import { isIp } from "./names.ts";
import type { NetworkOf } from "./network-gateways.ts";
import { selects, type WorldObjects, workloadLabels } from "./objects.ts";
import { labelLocality, parseLocality, podWorkload, type WorkloadEndpoint } from "./workload-endpoints.ts";

type EntryPort = NonNullable<ServiceEntry["spec"]["ports"]>[number];

/** Something with an address that ServiceEntries name or select, before a service's ports are put to it. */
type BareWorkload = Omit<WorkloadEndpoint, "port" | "portName">;

interface Context {
  readonly objects: WorldObjects;
  readonly networkOf: NetworkOf;
}

/**
 * Endpoints of one host of a ServiceEntry: those written in it, or the pods and WorkloadEntries that its selector
 * picks, or the host itself where names are looked up.
 */
export function entryEndpoints(
  objects: WorldObjects,
  entry: ServiceEntry,
  host: string,
  networkOf: NetworkOf,
): WorkloadEndpoint[] {
  const { spec, metadata } = entry;
  const namespace = metadata.namespace ?? "";
  const context = { objects, networkOf };
  const ports = spec.ports ?? [];
  const isLookedUp = spec.resolution === "DNS" || spec.resolution === "DNS_ROUND_ROBIN";
  const selector = spec.workloadSelector?.labels;
  const written = spec.endpoints ?? [];
  let found: WorkloadEndpoint[];
  if (spec.workloadSelector !== undefined) {
    found = selector === undefined ? [] : selectedEndpoints(context, namespace, selector, ports, isLookedUp);
  } else if (written.length > 0) {
    found = written.flatMap((endpoint, i) => {
      const workload = writtenWorkload(context, endpoint, namespace, `${metadata.name}-${i}`);
      return ports.map((port) => onPort(workload, endpoint, port));
    });
  } else if (isLookedUp && !host.startsWith("*")) {
    const workload = writtenWorkload(context, { address: host }, namespace, metadata.name);
    found = ports.map((port) => onPort({ ...workload, network: "" }, {}, port));
  } else return [];
  // One name is looked up: there is room for one endpoint only.
  if (spec.resolution === "DNS_ROUND_ROBIN")
    return ports.flatMap(({ name = "" }) => found.find(({ portName }) => portName === name) ?? []);
  return found;
}

/** What a WorkloadEntry's spec, wherever it is written, says about its workload. */
function writtenWorkload(
  { objects, networkOf }: Context,
  written: WorkloadEntrySpec,
  namespace: string,
  workloadName: string,
): BareWorkload {
  const labels = written.labels ?? {};
  const address = written.address ?? "";
  const serviceAccount = written.serviceAccount ?? "";
  const network = written.network ?? "";
  return {
    address,
    labels,
    locality:
      (written.locality ?? "") === ""
        ? (labelLocality(labels) ?? parseLocality(""))
        : parseLocality(written.locality ?? ""),
    clusterId: objects.primary,
    network:
      network !== ""
        ? network
        : isIp(address)
          ? networkOf(undefined, address, labels)
          : (labels[networkLabel] ?? ""),
    tlsMode: labels["security.istio.io/tlsMode"] ?? (serviceAccount === "" ? "disabled" : "istio"),
    namespace,
    serviceAccount,
    workloadName,
    health: "unknown",
    weight: Math.max(1, written.weight ?? 1),
    nodeName: "",
    hostname: "",
    subdomain: "",
  };
}

/** A workload at a service's port: the entry's own port of that name before the target port before the port itself. */
function onPort(workload: BareWorkload, { ports }: WorkloadEntrySpec, port: EntryPort): WorkloadEndpoint {
  const name = port.name ?? "";
  const number = positive(ports?.[name]) ?? positive(port.targetPort) ?? port.number;
  return { ...workload, port: number, portName: name };
}

const positive = (number: number | undefined) => (number !== undefined && number > 0 ? number : undefined);

/** WorkloadEntries of a namespace that a selector picks, with the labels of both their metadata and their spec. */
function* pickedEntries(
  { config }: WorldObjects,
  namespace: string,
  selector: Readonly<Record<string, string>>,
): Iterable<{
  readonly entry: WorkloadEntry;
  readonly spec: WorkloadEntrySpec;
  readonly workloadName: string;
}> {
  for (const entry of config.workloadEntries.values()) {
    const { metadata } = entry;
    if (metadata.namespace !== namespace || !isServing(entry)) continue;
    const labels = workloadLabels(entry);
    if (!selects(selector, labels)) continue;
    const workloadName =
      metadata.annotations?.["istio.io/autoRegistrationGroup"] ??
      labels["service.istio.io/workload-name"] ??
      metadata.name;
    yield { entry, spec: { ...entry.spec, labels }, workloadName };
  }
}

/** Whether a WorkloadEntry's workload is well; one whose health is checked is not before the first good check. */
function isServing({ metadata, status }: WorkloadEntry): boolean {
  if (metadata.annotations?.["proxy.istio.io/health-checks-enabled"] !== "true") return true;
  return (status?.conditions ?? []).some(
    (condition) => condition.type === "Healthy" && condition.status === "True",
  );
}

function selectedEndpoints(
  context: Context,
  namespace: string,
  selector: Readonly<Record<string, string>>,
  ports: readonly EntryPort[],
  isLookedUp: boolean,
): WorkloadEndpoint[] {
  const { objects, networkOf } = context;
  const found: WorkloadEndpoint[] = [];
  for (const { spec, workloadName } of pickedEntries(objects, namespace, selector)) {
    // Names are no addresses that endpoints found by selection can have, unless names are looked up.
    if (!isLookedUp && !isIp(spec.address ?? "")) continue;
    const workload = writtenWorkload(context, spec, namespace, workloadName);
    found.push(...ports.map((port) => onPort(workload, spec, port)));
  }
  for (const id of [...objects.clusters.keys()].sort()) {
    const cluster = objects.clusters.get(id);
    if (cluster === undefined) continue;
    for (const pod of cluster.pods.values()) {
      const address = pod.status?.podIP;
      if (pod.metadata.namespace !== namespace || address === undefined || !isRunning(pod)) continue;
      if (!selects(selector, pod.metadata.labels)) continue;
      const workload = podWorkload(cluster, pod, address, networkOf);
      const health = isReady(pod) ? ("healthy" as const) : ("unhealthy" as const);
      for (const port of ports) found.push(onPort({ ...workload, address, health, weight: 1 }, {}, port));
    }
  }
  return found;
}

/** WorkloadEntries that a Kubernetes Service's selector picks, which are behind it beside its pods. */
export function serviceWorkloads(
  objects: WorldObjects,
  name: string,
  namespace: string,
  networkOf: NetworkOf,
): WorkloadEndpoint[] {
  const service = objects.clusters.get(objects.primary)?.services.get(`${namespace}/${name}`);
  const { selector, clusterIP, type, ports = [] } = service?.spec ?? {};
  if (selector === undefined || clusterIP === "None" || type === "ExternalName") return [];
  const found: WorkloadEndpoint[] = [];
  for (const { spec, workloadName } of pickedEntries(objects, namespace, selector)) {
    if (!isIp(spec.address ?? "")) continue;
    const workload = writtenWorkload({ objects, networkOf }, spec, namespace, workloadName);
    for (const port of ports) {
      const target = port.targetPort ?? port.port;
      const isNamed = typeof target === "string" && !/^\d+$/.test(target);
      const own = positive(spec.ports?.[isNamed ? target : (port.name ?? "")]);
      // A target port by name must be one of the entry's own.
      if (isNamed && own === undefined) continue;
      found.push({ ...workload, port: own ?? Number(target), portName: port.name ?? "" });
    }
  }
  return found;
}

const isRunning = (pod: Pod) =>
  pod.metadata.deletionTimestamp === undefined && !["Succeeded", "Failed"].includes(pod.status?.phase ?? "");
const isReady = (pod: Pod) =>
  (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
