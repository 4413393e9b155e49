import { type EndpointSlice, type Service, serviceNameLabel } from "../../kube/index.ts";
import type { Store } from "../storage/store.ts";

/** Where one endpoint of a Service answers. */
export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * One ready endpoint of a port (name or number) of a Service, through its EndpointSlices, so that Services
 * without a selector work as well. A text says why there is none, in Kubernetes' words.
 */
export function resolveService(
  store: Store,
  namespace: string,
  name: string,
  port: string | number,
): ServiceEndpoint | string {
  const service = store.resource("services").get(`${namespace}/${name}`) as Service | undefined;
  if (service === undefined) return `service ${JSON.stringify(name)} not found`;
  const wanted = (service.spec.ports ?? []).find(
    (one) => one.port === Number(port) || (one.name ?? "") === String(port),
  );
  if (service.spec.type === "ExternalName")
    return { address: service.spec.externalName ?? "", port: wanted?.port ?? Number(port) };
  if (wanted === undefined)
    return `no service port ${JSON.stringify(String(port))} found for service ${JSON.stringify(name)}`;
  const found: ServiceEndpoint[] = [];
  for (const slice of store
    .resource("endpointslices.discovery.k8s.io")
    .list(namespace) as readonly EndpointSlice[]) {
    if (slice.metadata.labels?.[serviceNameLabel] !== name) continue;
    const slicePort = (slice.ports ?? []).find((one) => (one.name ?? "") === (wanted.name ?? ""))?.port;
    if (slicePort === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? [])
      if (conditions?.ready !== false)
        found.push(...addresses.map((address) => ({ address, port: slicePort })));
  }
  return (
    found[Math.floor(Math.random() * found.length)] ??
    `no endpoints available for service ${JSON.stringify(name)}`
  );
}
