/**
 * management: what is done for a mesh as a whole, over the Kubernetes APIs of its clusters.
 *
 * startFederation: services that one cluster exports become names under the mesh's host suffix in the others.
 * runManager: workspaces, exported services and the inventory of the clusters that are registered on a management cluster.
 * runAgent: the registered cluster's side, which calls the manager.
 * findDisagreements: who does not yet hold the roots and certificates that the clusters' CAs stand for.
 * keepRemoteCredential: tokens with which control planes read other clusters, renewed in time.
 * startOffloading: pods that one cluster binds to the node of another run there, as with Liqo.
 *
 * Reads and writes clusters through KubeClient only, embedded or real ones alike, and never reads the mesh file.
 */

export { type ClusterInformers, createClusterInformers } from "./cluster-informers.ts";
export { keepRemoteCredential } from "./credentials/keep-remote-credential.ts";
export { renewalTime } from "./credentials/renewal-time.ts";
export type { FederatedCluster, FederationOptions } from "./federation/contracts.ts";
export { type Federating, startFederation } from "./federation/start-federation.ts";
export { isMadeByManagement } from "./made-by-management.ts";
export {
  agentAccount,
  type ManagerProcessOptions,
  relaySecret,
  runManager,
} from "./manager/run-manager.ts";
export type { OffloadingCluster, OffloadingOptions } from "./offloading/contracts.ts";
export { homeUidAnnotation, originLabel, remoteClusterLabel } from "./offloading/marks.ts";
export { placePods } from "./offloading/place-pods.ts";
export { startOffloading } from "./offloading/start-offloading.ts";
export {
  type Listen,
  type ManagementProcess,
  managementPorts,
} from "./process/contracts.ts";
export { relayService } from "./relay/protocol.ts";
export { type AgentProcessOptions, runAgent } from "./relay/run-agent.ts";
export { parseRelayServer } from "./relay/start-agent.ts";
export { findDisagreements, type ProxyTrust, type TrustingCluster } from "./trust/find-disagreements.ts";
