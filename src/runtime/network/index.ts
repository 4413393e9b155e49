/** The network of a mesh on one machine: addresses, reachability, interception and Services. */
export { type AddressKind, nodeAddress, type Place, placeOf, shadowOf } from "./addresses.ts";
export {
  type AttachedPod,
  createMeshNetwork,
  type MeshNetwork,
  type MeshNetworkOptions,
} from "./mesh-network.ts";
export type { PodFacts } from "./pod-network.ts";
export type { ClusterNetwork, Frontend, Source } from "./routing.ts";
export { type ServiceProxyOptions, startServiceProxy } from "./service-proxy.ts";
export { createSocketPair } from "./socket-pair.ts";
