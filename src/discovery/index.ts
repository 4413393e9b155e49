/**
 * discovery: the control plane (our istiod): Kubernetes and Istio objects of all clusters to xDS for each proxy.
 *
 * translate/ is pure: World (the objects, indexed) and makeSnapshot (a World and a proxy to a Snapshot).
 * serve/ runs it: startDiscovery watches the clusters, streams ADS, signs certificates, injects sidecars.
 *
 * Reads objects only, never the mesh file, and decides nothing about how proxies act on what they get.
 */
export type { CertificateSigner, Discovery, DiscoveryOptions } from "./contracts.ts";
export { startDiscovery } from "./serve/start-built-in.ts";
export type {
  AuthorizationPolicy,
  Destination,
  DestinationRule,
  Gateway,
  HttpMatch,
  HttpRoute,
  PeerAuthentication,
  Server,
  ServerTls,
  ServiceEntry,
  Sidecar,
  Telemetry,
  VirtualService,
  WorkloadEntry,
} from "./translate/config-types.ts";
export {
  type MeshConfig,
  type MeshNetworks,
  parseMeshConfig,
  parseMeshNetworks,
} from "./translate/mesh-config.ts";
export {
  hostsOverlap,
  isSubsetOf,
  isWildcard,
  parseClusterName,
  resolveShortName,
} from "./translate/names.ts";
export {
  clusterKinds,
  configKinds,
  createChanges,
  createWorldObjects,
  setClusterObject,
  setConfigObject,
  type WorldChanges,
  type WorldObjects,
} from "./translate/objects.ts";
export { type ProxyNode, parseProxyNode } from "./translate/proxy-node.ts";
export { makeSnapshot, type ProxySnapshot } from "./translate/snapshot.ts";
export { createWorld, updateWorld, type World } from "./translate/world.ts";
export { checkIstioObject } from "./validation/check-istio-object.ts";
export type { ValidationProblem } from "./validation/contracts.ts";
