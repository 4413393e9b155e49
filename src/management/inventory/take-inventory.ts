import {
  type FleetDestination,
  type FleetGateway,
  type FleetMesh,
  type FleetWorkload,
  isInjected,
  managementNamespace,
  matchesLabels,
  networkLabel,
  type Service,
  systemNamespace,
} from "../../kube/index.ts";
import { certificateInfo } from "../../pki/index.ts";
import { timestamp } from "../conditions.ts";
import { canBeExported } from "../federation/exported-services.ts";
import type { InventoryCluster, InventoryRelations, WorkloadObject } from "./contracts.ts";

/** Objects of the management cluster that stand for what was found. */
export type FleetObject = FleetMesh | FleetWorkload | FleetDestination;

/** On all objects about a cluster. */
export const clusterLabel = "isthmus.dev/cluster";
/** Namespaces of Kubernetes itself and of the management plane. */
const left = new Set(["kube-system", "kube-public", "kube-node-lease", managementNamespace]);

/** Control plane, workloads and Services of a cluster, as objects that say where they are and how they fare. Pure. */
export function takeInventory(
  cluster: InventoryCluster,
  relations: InventoryRelations,
): readonly FleetObject[] {
  const workloads = cluster.workloads.filter(({ metadata }) => !left.has(metadata.namespace ?? ""));
  return [
    ...meshesOf(cluster),
    ...workloads.map((workload) => workloadOf(workload, cluster, relations)),
    ...cluster.services
      .filter((service) => canBeExported(service) && !left.has(service.metadata.namespace ?? ""))
      .map((service) => destinationOf(service, cluster, relations, workloads)),
  ];
}

function metadataOf(name: string, cluster: string) {
  // Names of objects have their end; the cluster is in the label too.
  return { name: name.slice(0, 253), namespace: managementNamespace, labels: { [clusterLabel]: cluster } };
}

const apiVersion = "management.isthmus.dev/v1alpha1";

function meshesOf(cluster: InventoryCluster): readonly FleetMesh[] {
  const { name, trustDomain, services, workloads, namespaces, configMaps, served } = cluster;
  const istiods = workloads.filter(
    ({ kind, metadata, spec }) =>
      kind === "Deployment" &&
      metadata.namespace === systemNamespace &&
      spec.template.metadata?.labels?.["app"] === "istiod",
  );
  if (istiods.length === 0) return [];
  const version = istiods.flatMap(({ spec }) => tagOf(spec.template.spec.containers[0]?.image) ?? [])[0];
  const network = namespaces.find(({ metadata }) => metadata.name === systemNamespace)?.metadata.labels?.[
    networkLabel
  ];
  const root = configMaps.find(({ metadata }) => metadata.name === "istio-ca-root-cert")?.data?.[
    "root-cert.pem"
  ];
  const certificate = certificateOf(root, cluster.signingNotAfter);
  return [
    {
      apiVersion,
      kind: "Mesh",
      metadata: metadataOf(`istiod-${systemNamespace}-${name}`, name),
      spec: { cluster: name, namespace: systemNamespace },
      status: {
        ...(version === undefined ? {} : { version }),
        ...(trustDomain === undefined ? {} : { trustDomain }),
        ...(network === undefined ? {} : { network }),
        ready: istiods.some(({ status }) => (status?.readyReplicas ?? 0) > 0),
        gateways: services.flatMap((service) => gatewayOf(service) ?? []).sort(byName),
        ...(certificate === undefined ? {} : { certificate }),
        clusters: served,
      },
    },
  ];
}

function byName(a: FleetGateway, b: FleetGateway): number {
  return a.name.localeCompare(b.name);
}

/** "1.31.1" of "docker.io/istio/pilot:1.31.1" */
function tagOf(image: string | undefined): string | undefined {
  return image?.split("/").at(-1)?.split("@")[0]?.split(":")[1];
}

function certificateOf(root: string | undefined, signingNotAfter: number | undefined) {
  if (root === undefined) return undefined;
  try {
    const { fingerprint, notAfter } = certificateInfo(root);
    return {
      rootFingerprint: fingerprint,
      rootNotAfter: timestamp(notAfter),
      ...(signingNotAfter === undefined ? {} : { intermediateNotAfter: timestamp(signingNotAfter) }),
    };
  } catch {
    return undefined; // Nothing that we could say of it.
  }
}

/** A gateway's Service: it selects pods by the label that Gateway objects select them by. */
function gatewayOf({ metadata, spec, status }: Service): FleetGateway | undefined {
  if (spec.selector?.["istio"] === undefined || spec.selector["istio"] === "pilot") return undefined;
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    kind: metadata.labels?.[networkLabel] === undefined ? "ingress" : "eastwest",
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    addresses: [...ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []), ...(spec.externalIPs ?? [])],
    ports: (spec.ports ?? []).map(({ port }) => port),
  };
}

function workloadOf(
  { kind, metadata, spec, status }: WorkloadObject,
  { name: cluster, trustDomain, namespaces }: InventoryCluster,
  { owners }: InventoryRelations,
): FleetWorkload {
  const { name, namespace = "" } = metadata;
  const { labels = {}, annotations = {} } = spec.template.metadata ?? {};
  const wanted = status?.desiredNumberScheduled ?? spec.replicas ?? 1;
  const ready = status?.numberReady ?? status?.readyReplicas ?? 0;
  const own = labels["sidecar.istio.io/inject"] ?? annotations["sidecar.istio.io/inject"];
  const where = namespaces.find((one) => one.metadata.name === namespace);
  const workspace = owners.get(`${cluster}/${namespace}`);
  const account = spec.template.spec.serviceAccountName ?? "default";
  const [app, version] = [labels["app"], labels["version"]];
  return {
    apiVersion,
    kind: "Workload",
    metadata: metadataOf(`${name}-${namespace}-${cluster}-${kind.toLowerCase()}`, cluster),
    spec: { cluster, namespace, kind, name },
    status: {
      ready: `${ready}/${wanted}`,
      injected: own === undefined ? where !== undefined && isInjected(where) : own === "true",
      identities: trustDomain === undefined ? [] : [`spiffe://${trustDomain}/ns/${namespace}/sa/${account}`],
      ...(app === undefined ? {} : { app }),
      ...(version === undefined ? {} : { version }),
      ...(workspace === undefined ? {} : { workspace }),
    },
  };
}

function destinationOf(
  { metadata, spec }: Service,
  { name: cluster }: InventoryCluster,
  { owners, hosts }: InventoryRelations,
  workloads: readonly WorkloadObject[],
): FleetDestination {
  const { name, namespace = "" } = metadata;
  const workspace = owners.get(`${cluster}/${namespace}`);
  const globalHost = hosts.get(`${cluster}/${namespace}/${name}`);
  const { selector } = spec;
  const behind =
    selector === undefined || Object.keys(selector).length === 0
      ? []
      : workloads.filter(
          (one) =>
            one.metadata.namespace === namespace &&
            matchesLabels(selector, one.spec.template.metadata?.labels),
        );
  return {
    apiVersion,
    kind: "Destination",
    metadata: metadataOf(`${name}-${namespace}-${cluster}`, cluster),
    spec: { cluster, namespace, name },
    status: {
      ports: (spec.ports ?? []).map(({ port, name: portName, protocol }) => ({
        port,
        ...(portName === undefined ? {} : { name: portName }),
        ...(protocol === undefined ? {} : { protocol }),
      })),
      workloads: behind.map((one) => one.metadata.name).sort(),
      ...(workspace === undefined ? {} : { workspace }),
      ...(globalHost === undefined ? {} : { globalHost }),
    },
  };
}
