/**
 * management: what is done for a mesh as a whole, over the Kubernetes APIs of its clusters.
 *
 * startFederation: services that one cluster exports become names under the mesh's host suffix in the others.
 *
 * Reads and writes clusters through KubeClient only, embedded or real ones alike, and never reads the mesh file.
 */

export type { FederatedCluster, FederationOptions } from "./federation/contracts.ts";
export { startFederation } from "./federation/start-federation.ts";
