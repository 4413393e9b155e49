import { systemNamespace } from "../../kube/index.ts";

export { systemNamespace };

/** On namespaces, gateway Services and pods: the network that they are on. */
export const networkLabel = "topology.istio.io/network";

/** On an EndpointSlice: the Service that it belongs to. */
export const serviceNameLabel = "kubernetes.io/service-name";

/** Namespaces of Kubernetes and of the control plane: nobody's workloads are expected there. */
export function isSystemNamespace(name: string): boolean {
  return name === systemNamespace || name.startsWith("kube-");
}
