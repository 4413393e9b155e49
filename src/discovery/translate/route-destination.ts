import type { Destination } from "./config-types.ts";
import { clusterName } from "./names.ts";
import type { Scope } from "./scope.ts";

/** The cluster that a destination of a rule means for routers and TCP; without a port it is the service's only one, else the listener's. */
export function destinationCluster(
  scope: Scope,
  { host, subset, port }: Destination,
  listenPort: number,
): string {
  if (host === "") return "UnknownService";
  const service = scope.service(host);
  const single = service?.ports.length === 1 ? service.ports[0]?.port : undefined;
  return clusterName("outbound", subset ?? "", meant(scope, host), port?.number ?? single ?? listenPort);
}

/** The host that a destination means: what an ExternalName stands for has the cluster, the name itself has none. */
const meant = (scope: Scope, host: string) => scope.service(host)?.externalName ?? host;

/** The same for requests of a sidecar's app: a destination without a port is always on the listener's. */
export function requestCluster(
  scope: Scope,
  { host, subset, port }: Destination,
  listenPort: number,
): string {
  return host === ""
    ? "UnknownService"
    : clusterName("outbound", subset ?? "", meant(scope, host), port?.number ?? listenPort);
}

/** Where connections go that are for nobody in the mesh; undefined when they may go nowhere. */
export function unknownCluster(scope: Scope): string | undefined {
  if (scope.outboundTrafficPolicy !== "ALLOW_ANY") return undefined;
  return scope.egressProxy === undefined
    ? "PassthroughCluster"
    : destinationCluster(scope, scope.egressProxy, 0);
}
