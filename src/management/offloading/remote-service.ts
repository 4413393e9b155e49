import { type Endpoint, type EndpointSlice, type Service, serviceNameLabel } from "../../kube/index.ts";
import { reflectedMetadata, reflectionLabels } from "./marks.ts";

const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const sliceManager = "endpointslice.reflection.liqo.io";
/** With the value "true" a Service has the same node ports on the provider. */
const forceNodePortAnnotation = "liqo.io/force-remote-node-port";

/** What each cluster gives a Service by itself. */
const ownOfCluster = [
  "clusterIP",
  "clusterIPs",
  "ipFamilies",
  "healthCheckNodePort",
  "externalIPs",
  "loadBalancerIP",
  "loadBalancerClass",
] as const;

/**
 * The Service of the same name in the provider. It selects by the same labels, so that the provider's own controllers
 * find the pods that run there, and has addresses and node ports of the provider.
 */
export function remoteService(service: Service, home: string, provider: string): Service {
  const { name, namespace = "" } = service.metadata;
  const spec: Record<string, unknown> = { ...service.spec };
  for (const field of ownOfCluster) delete spec[field];
  if (service.spec.clusterIP === "None") spec["clusterIP"] = "None";
  const keepsNodePorts = service.metadata.annotations?.[forceNodePortAnnotation] === "true";
  if (service.spec.ports !== undefined && !keepsNodePorts)
    spec["ports"] = service.spec.ports.map(({ nodePort: _, ...port }) => port);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, ...reflectedMetadata(service.metadata, reflectionLabels(home, provider)) },
    spec,
  };
}

/**
 * The slice that tells a provider of those endpoints of a Service that are not its own pods: `isThere` says of a node
 * whether its pods run in that provider. Undefined when there are none, or when the slice belongs to no Service.
 */
export function remoteSlice(
  slice: EndpointSlice,
  options: {
    readonly home: string;
    readonly provider: string;
    readonly isThere: (nodeName: string) => boolean;
  },
): EndpointSlice | undefined {
  const { home, provider, isThere } = options;
  const { name, namespace = "", labels } = slice.metadata;
  if (labels?.[serviceNameLabel] === undefined) return undefined;
  const endpoints = (slice.endpoints ?? [])
    .filter(({ nodeName }) => nodeName === undefined || !isThere(nodeName))
    .map((endpoint) => remoteEndpoint(endpoint, home));
  if (endpoints.length === 0) return undefined;
  const metadata = reflectedMetadata(slice.metadata, reflectionLabels(home, provider));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: remoteSliceName(name, home),
      namespace,
      ...metadata,
      labels: { ...metadata.labels, [managedByLabel]: sliceManager },
    },
    addressType: slice.addressType,
    endpoints,
    ports: slice.ports ?? [],
  };
}

/** The provider's own controllers generate names as those at home do; the origin keeps them apart. */
export function remoteSliceName(name: string, home: string): string {
  return `${name}-${home}`;
}

/** The pod and the node that it is of are not to be found in the provider. */
function remoteEndpoint({ targetRef: _, nodeName: __, ...endpoint }: Endpoint, home: string): Endpoint {
  return { ...endpoint, nodeName: home };
}
