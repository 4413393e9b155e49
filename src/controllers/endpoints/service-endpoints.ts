import {
  type Endpoint,
  kinds,
  matchesLabels,
  type Pod,
  type Service,
  type ServicePort,
} from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { isFinished, isReady, isTerminating } from "../core/pods.ts";
import type { EndpointPort } from "./endpoints-object.ts";

/** One pod behind a Service. */
export interface ServiceEndpoint {
  readonly endpoint: Endpoint;
  /** The Service's ports as they are on this pod: named target ports may differ from pod to pod. */
  readonly ports: readonly EndpointPort[];
}

const zoneLabel = "topology.kubernetes.io/zone";

/** Whether pods are looked for at all: not for external names, and not without a selector. */
export function hasEndpoints({ spec }: Service): boolean {
  return spec.type !== "ExternalName" && Object.keys(spec.selector ?? {}).length > 0;
}

/**
 * The pods behind a Service that have an address, terminating ones included, sorted by name. A terminating pod is
 * not ready, but serving as long as its readiness holds, so that balancers may fall back to it.
 */
export function serviceEndpoints(cluster: Cluster, service: Service): readonly ServiceEndpoint[] {
  const { namespace = "" } = service.metadata;
  const { selector = {}, ports = [], publishNotReadyAddresses = false } = service.spec;
  return cluster
    .store(kinds.pods)
    .list(namespace)
    .filter((pod) => matchesLabels(selector, pod.metadata.labels) && hasAddress(pod) && !isFinished(pod))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((pod) => ({
      endpoint: podEndpoint(cluster, service, pod, publishNotReadyAddresses),
      ports: ports.flatMap((port) => podPort(pod, port) ?? []),
    }));
}

function hasAddress({ status }: Pod): boolean {
  return (status?.podIP ?? "") !== "";
}

function podEndpoint(cluster: Cluster, service: Service, pod: Pod, publishNotReady: boolean): Endpoint {
  const { name, namespace = "", uid = "" } = pod.metadata;
  const { nodeName, hostname, subdomain } = pod.spec;
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const node = nodeName === undefined ? undefined : cluster.store(kinds.nodes).get(nodeName);
  const zone = node?.metadata.labels?.[zoneLabel];
  const hasName = hostname !== undefined && hostname !== "" && subdomain === service.metadata.name;
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready: publishNotReady || (serving && !terminating), serving, terminating },
    ...(hasName ? { hostname } : {}),
    ...(nodeName === undefined || nodeName === "" ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    targetRef: { kind: "Pod", name, namespace, uid },
  };
}

/** Undefined when the pod has no port of the name that the Service targets. */
function podPort(
  pod: Pod,
  { name = "", port, targetPort = port, protocol = "TCP", appProtocol }: ServicePort,
) {
  const number = typeof targetPort === "number" ? targetPort : namedPort(pod, targetPort, protocol);
  if (number === undefined) return undefined;
  return { name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) };
}

function namedPort({ spec }: Pod, name: string, protocol: string): number | undefined {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const { ports = [] } of [...spec.containers, ...sidecars]) {
    const port = ports.find(
      (candidate) => candidate.name === name && (candidate.protocol ?? "TCP") === protocol,
    );
    if (port !== undefined) return port.containerPort;
  }
  return /^\d+$/.test(name) ? Number(name) : undefined;
}
