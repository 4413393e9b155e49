/**
 * engine: runs a whole mesh on one machine.
 *
 * startMesh brings up what compile made; wire.ts is the only place that knows every part; StateFolder keeps what must
 * survive; the control server and client are how commands reach a running engine.
 *
 * Only wiring: no rules about meshes, and nothing that a real cluster would not have behind the same seams.
 */

export { checkHelm } from "./charts/index.ts";
export type { ClusterChange } from "./cluster-control.ts";
export { compiledObjects } from "./compiled-objects.ts";
export { type ControlClient, connectEngine } from "./control-client.ts";
export type { Dashboard } from "./dashboard.ts";
export { describedCluster } from "./described-cluster.ts";
export { graphLevels } from "./graph-options.ts";
export { guardProcess } from "./guard-process.ts";
export type { PodAddress } from "./pod-address.ts";
export { type ClusterProgress, createTimings, type Progress, type Timings } from "./progress.ts";
export type { ConfigTable } from "./proxy-config/config-table.ts";
export type { EndpointRow } from "./proxy-config/endpoints.ts";
export { proxyConfigKinds } from "./proxy-config/proxy-config.ts";
export type { RotationReport } from "./rotate-trust.ts";
export { type RunningMesh, type StartMeshOptions, startMesh } from "./start-mesh.ts";
export { openStateFolder, type StateFolder } from "./state-folder.ts";
export type {
  ClusterStatus,
  GatewayStatus,
  HostUsage,
  MeshStatus,
  PeeringStatus,
  ProxyStatus,
  RotationStatus,
  TrustStatus,
} from "./status.ts";
