/**
 * runtime: what the nodes of a cluster do: they run pods.
 *
 * startNodes registers nodes and runs the pods that are bound to them, as a kubelet does: init containers,
 * probes, restarts, logs, exec, graceful ends. Containers are stand-ins for known images (stand-ins/) or
 * programs of the host. network/ gives each pod its address and stands in for iptables and kube-proxy; agent/ is
 * what runs beside each proxy. PodNetwork, StandIn and ContainerContext are the seams between them.
 *
 * Decides nothing: it does what objects in the Kubernetes API say, and reports there what became of them.
 */
export {
  type AgentProxy,
  createEnvoyProxies,
  createProxyStandIn,
  envoyIn,
  envoyInstallFolder,
  findEnvoy,
  type InstalledEnvoy,
  type InstallOptions,
  installEnvoy,
  type Locality,
  type ProxyStandInOptions,
  type ProxyStartOptions,
  type StartProxy,
} from "./agent/index.ts";
export type {
  ContainerContext,
  ContainerUsage,
  ContainerUse,
  Destination,
  ExecStreams,
  ImageCommand,
  Interceptor,
  LogOptions,
  NodeSpec,
  NodesOptions,
  PodAttachment,
  PodHome,
  PodName,
  PodNetwork,
  PodUsage,
  ProgramContext,
  RunningContainer,
  Runtime,
  ServiceAccountUser,
  StandIn,
} from "./contracts.ts";
export {
  type AttachedPod,
  type ClusterNetwork,
  createMeshNetwork,
  type MeshNetwork,
  type MeshNetworkOptions,
  nodeAddress,
  type ServiceProxyOptions,
  startServiceProxy,
} from "./network/index.ts";
export { standsInFor } from "./stand-ins/find-stand-in.ts";
export { requestAsApp } from "./stand-ins/request-as-app.ts";
export { type HttpAnswer, serveHttp } from "./stand-ins/serve-http.ts";
export { type RequestHandler, serveRequests } from "./stand-ins/serve-requests.ts";
export { startNodes } from "./start-nodes.ts";
