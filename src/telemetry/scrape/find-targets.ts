import {
  type EndpointSlice,
  isVirtualNode,
  type Node,
  type Pod,
  type Service,
  serviceNameLabel,
} from "../../kube/index.ts";
import type { Labels } from "../store/labels.ts";
import type { ScrapeTarget } from "./scrape-target.ts";

/** Objects of one cluster that say what is to be scraped. */
export interface TargetObjects {
  readonly cluster: string;
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly nodes: readonly Node[];
}

/**
 * What is to be scraped in a cluster, by the jobs and rules of the Prometheus that comes with Istio's samples: pods and
 * Services that are annotated prometheus.io/scrape, the API server, and the containers of each node.
 */
export function findTargets(objects: TargetObjects): ScrapeTarget[] {
  const { cluster, nodes, pods, services } = objects;
  // What is placed on another cluster is a pod there, too, and scraped there.
  const elsewhere = new Set(nodes.filter(isVirtualNode).map(({ metadata }) => metadata.name));
  const isHere = (node: string | undefined) => node === undefined || !elsewhere.has(node);
  return [
    apiServer(cluster),
    objectState(cluster),
    ...nodes.filter((node) => !isVirtualNode(node)).map((node) => nodeContainers(node, cluster)),
    ...pods.filter(({ spec }) => isHere(spec.nodeName)).flatMap((pod) => podTargets(pod, cluster)),
    ...services
      .flatMap((service) => serviceTargets(service, objects))
      .filter(({ labels }) => isHere(labels["node"])),
  ];
}

/** Pages that cost more than they change, in milliseconds. */
const rarely = 15_000;

function apiServer(cluster: string): ScrapeTarget {
  const labels = { job: "kubernetes-apiservers", instance: cluster, cluster };
  return { cluster, labels, every: rarely, address: { kind: "api", path: "/metrics" } };
}

function objectState(cluster: string): ScrapeTarget {
  return {
    cluster,
    labels: { job: "kube-state-metrics", instance: cluster, cluster },
    address: { kind: "objects" },
  };
}

function nodeContainers({ metadata }: Node, cluster: string): ScrapeTarget {
  const { name } = metadata;
  return {
    cluster,
    labels: { ...mapped(metadata.labels), job: "kubernetes-nodes-cadvisor", instance: name, cluster },
    every: rarely,
    address: { kind: "api", path: `/api/v1/nodes/${encodeURIComponent(name)}/proxy/metrics/cadvisor` },
  };
}

function podTargets({ metadata, spec, status }: Pod, cluster: string): ScrapeTarget[] {
  const { namespace = "default", name, annotations = {} } = metadata;
  const host = status?.podIP;
  const isOver = status?.phase === "Succeeded" || status?.phase === "Failed" || status?.phase === "Pending";
  if (annotations["prometheus.io/scrape"] !== "true" || host === undefined || isOver) return [];
  const ports =
    portOf(annotations) ??
    spec.containers.flatMap((container) => (container.ports ?? []).map(({ containerPort }) => containerPort));
  const startedAt = Math.max(
    ...(status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.running?.startedAt ?? "")),
  );
  return ports.map((port) => ({
    cluster,
    labels: {
      ...mapped(metadata.labels),
      job: "kubernetes-pods",
      instance: `${host}:${port}`,
      cluster,
      namespace,
      pod: name,
      ...(spec.nodeName === undefined ? {} : { node: spec.nodeName }),
    },
    address: { kind: "http", host, port, path: annotations["prometheus.io/path"] ?? "/metrics" },
    ...(Number.isFinite(startedAt) ? { startedAt } : {}),
  }));
}

function serviceTargets(service: Service, { cluster, endpointSlices }: TargetObjects): ScrapeTarget[] {
  const { namespace = "default", name, annotations = {}, labels } = service.metadata;
  if (annotations["prometheus.io/scrape"] !== "true") return [];
  const wanted = portOf(annotations);
  const path = annotations["prometheus.io/path"] ?? "/metrics";
  const slices = endpointSlices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === name,
  );
  const targets = new Map<string, ScrapeTarget>();
  for (const { endpoints, ports } of slices)
    for (const endpoint of endpoints ?? [])
      for (const host of endpoint.addresses)
        for (const port of wanted ?? (ports ?? []).flatMap(({ port }) => port ?? [])) {
          const own: Labels = {
            ...mapped(labels),
            job: "kubernetes-service-endpoints",
            instance: `${host}:${port}`,
            cluster,
            namespace,
            service: name,
            ...(endpoint.nodeName === undefined ? {} : { node: endpoint.nodeName }),
          };
          targets.set(`${host}:${port}`, {
            cluster,
            labels: own,
            address: { kind: "http", host, port, path },
          });
        }
  return [...targets.values()];
}

/** The port that an annotation names; undefined without one, none when it is no port. */
function portOf(annotations: Labels): number[] | undefined {
  const text = annotations["prometheus.io/port"];
  if (text === undefined) return undefined;
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? [port] : [];
}

/** Labels of objects under names that Prometheus allows, as its labelmap makes them. */
function mapped(labels: Labels = {}): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name.replace(/[^a-zA-Z0-9_]/g, "_"), value]),
  );
}
