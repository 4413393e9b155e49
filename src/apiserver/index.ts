/**
 * apiserver: the embedded Kubernetes API of one cluster.
 *
 * startApiServer serves Kubernetes' own kinds and custom resources over HTTPS and in process, from objects in
 * memory (storage/) and, when kept, in a file (change-log/). Kinds are data (registry/) with a few rules where
 * Kubernetes has them (strategies/); verbs/ is the same for all of them.
 *
 * Runs no controllers and no pods, and knows nothing of meshes.
 */
export { type ChangeLogFile, openChangeLog } from "./change-log/change-log-file.ts";
export { copyChangeLog } from "./change-log/copy-change-log.ts";
export type {
  ApiServer,
  ApiServerOptions,
  ChangeLog,
  ChangeRecord,
  ContainerUsage,
  ExecStreams,
  LogOptions,
  PodConnector,
  PodName,
  PodUsage,
  User,
} from "./contracts.ts";
export { startApiServer } from "./start-api-server.ts";
