/** On namespaces, gateway Services and pods: the network that they are on, for Istio. */
export const networkLabel = "topology.istio.io/network";

/** On an EndpointSlice: the Service that it belongs to. */
export const serviceNameLabel = "kubernetes.io/service-name";
