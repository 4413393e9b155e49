const prefix = "type.googleapis.com/";

/** Type URLs of the resources that travel over ADS, in the order in which they must be sent. */
export const typeUrls = {
  cluster: `${prefix}envoy.config.cluster.v3.Cluster`,
  endpoint: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${prefix}envoy.config.listener.v3.Listener`,
  route: `${prefix}envoy.config.route.v3.RouteConfiguration`,
  secret: `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`,
  nameTable: `${prefix}istio.networking.nds.v1.NameTable`,
} as const;

export type TypeUrl = (typeof typeUrls)[keyof typeof typeUrls];

/** Full names of the gRPC methods on the wire. */
export const methods = {
  streamAggregatedResources:
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
  deltaAggregatedResources: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
  streamSecrets: "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
  deltaSecrets: "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets",
  createCertificate: "/istio.v1.auth.IstioCertificateService/CreateCertificate",
} as const;
