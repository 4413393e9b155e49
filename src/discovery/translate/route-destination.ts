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
  return clusterName(
    "outbound",
    subset ?? "",
    service?.externalName === undefined ? host : service.host,
    port?.number ?? single ?? listenPort,
  );
}

/** The same for requests of a sidecar's app: a destination without a port is always on the listener's. */
export function requestCluster({ host, subset, port }: Destination, listenPort: number): string {
  return host === ""
    ? "UnknownService"
    : clusterName("outbound", subset ?? "", host, port?.number ?? listenPort);
}
