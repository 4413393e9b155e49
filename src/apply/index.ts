/**
 * apply: what has to be done to clusters so that they are as a mesh file says.
 *
 * The inventory of what isthmus applied to a cluster, the kinds that a cluster serves, the plan (what an apply would create,
 * change and delete) and the apply itself, in waves, for all clusters side by side. Works on any Kubernetes API, embedded or
 * real.
 */
export { type AccountTokenOptions, accountToken, agentToken } from "./account-token.ts";
export { clusterFailure } from "./cluster-failure.ts";
export { applyCompiled, type ClusterOutcome } from "./deliver/apply-compiled.ts";
export type { AppliedWave, ApplyOptions, ChartTools } from "./deliver/apply-options.ts";
export type { Applying, ApplyTarget } from "./deliver/applying.ts";
export { findHelm } from "./helm/find-helm.ts";
export { createHelm, type Helm } from "./helm/helm-cli.ts";
export { findRelease, type HelmRelease } from "./helm/helm-release.ts";
export { releaseObjects, releaseRecord } from "./helm/release-record.ts";
export {
  type Inventory,
  type InventoryEntry,
  inventoryName,
  isApplied,
  openInventory,
} from "./inventory.ts";
export { fillLateValues } from "./late-values.ts";
export { type FieldChange, hiddenValue } from "./plan/diff-objects.ts";
export { diffRelease } from "./plan/diff-release.ts";
export {
  type ClusterPlan,
  type PlannedChange,
  type PlannedEffect,
  planCluster,
} from "./plan/plan-cluster.ts";
export { tryCharts } from "./plan/try-charts.ts";
export { prune } from "./prune.ts";
export { type ApplyMeshOptions, applyMesh, checkHelmFor } from "./real/apply-mesh.ts";
export { listOurs } from "./real/find-ours.ts";
export type { RealCluster } from "./real/real-cluster.ts";
export { type Removal, removeMesh, usersNamespaces } from "./real/remove-mesh.ts";
export { type RegisterOptions, registerCluster } from "./register-cluster.ts";
export { type RemoteApi, remoteKubeconfig } from "./remote-kubeconfig.ts";
export { createResourceMap, type ResourceMap } from "./resource-map.ts";
export { loadTrust, type MeshTrust } from "./trust.ts";
