import { create, type JsonObject } from "@bufbuild/protobuf";
import { type ProxyNode, parseProxyNode } from "../discovery/index.ts";
import { type Container, networkLabel, type Pod } from "../kube/index.ts";
import { NodeSchema } from "../xds/gen/envoy/config/core/v3/base_pb.js";

/** Name that Istio gives the container of a pod's proxy. */
export const proxyContainerName = "istio-proxy";

export function isReadyPod({ status, metadata }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true
  );
}

/** The container of a pod's proxy, be it a native sidecar; undefined when the pod has none. */
export function proxyContainer({ spec }: Pod): Container | undefined {
  return [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => name === proxyContainerName);
}

/** Whether the pod's proxy is a gateway. */
export function isRouter(pod: Pod): boolean {
  return proxyContainer(pod)?.args?.includes("router") === true;
}

const metaPrefix = "ISTIO_META_";

/**
 * How the proxy of a pod would introduce itself to its control plane: as its agent does, from the container's variables
 * ISTIO_META_…; `network` is that of its cluster, where the pod names none. Undefined without proxy or address.
 */
export function proxyNodeOf(pod: Pod, cluster: string, network: string | undefined): ProxyNode | undefined {
  const container = proxyContainer(pod);
  const address = pod.status?.podIP;
  if (container === undefined || address === undefined) return undefined;
  const { name, namespace = "default", labels = {} } = pod.metadata;
  const meta: JsonObject = {};
  for (const { name: variable, value } of container.env ?? [])
    if (variable.startsWith(metaPrefix) && value !== undefined)
      meta[variable.slice(metaPrefix.length)] = value;
  const ownNetwork = labels[networkLabel] ?? meta["NETWORK"] ?? network;
  return parseProxyNode(
    create(NodeSchema, {
      id: `${isRouter(pod) ? "router" : "sidecar"}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      metadata: {
        ...meta,
        ...proxyConfigOf(container),
        CLUSTER_ID: cluster,
        NAMESPACE: namespace,
        NAME: name,
        SERVICE_ACCOUNT: serviceAccountOf(pod),
        LABELS: { ...labels },
        INSTANCE_IPS: address,
        ...(ownNetwork === undefined ? {} : { NETWORK: ownNetwork }),
      },
    }),
  );
}

export function serviceAccountOf({ spec }: Pod): string {
  return spec.serviceAccountName ?? "default";
}

function proxyConfigOf({ env = [] }: Container): JsonObject {
  const text = env.find(({ name }) => name === "PROXY_CONFIG")?.value;
  if (text === undefined || text === "") return {};
  try {
    return { PROXY_CONFIG: JSON.parse(text) };
  } catch {
    return {}; // Its agent would say so; the defaults are the best guess.
  }
}
