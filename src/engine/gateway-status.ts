import type { Service } from "../kube/index.ts";
import { addressesOf } from "./address-blocks.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { GatewayStatus } from "./status.ts";

/** Where the gateways of a cluster are reached from outside. */
export function gatewaysOf(mesh: RunningMesh, name: string): readonly GatewayStatus[] {
  const gateways = mesh.clusters.get(name)?.cluster.gateways ?? {};
  const entries = [
    ["ingress", gateways.ingress],
    ["eastwest", gateways.eastwest],
  ] as const;
  return entries.flatMap(([kind, gateway]) => {
    if (gateway === undefined) return [];
    const service = mesh.watches.get(name)?.services.get(gateway.name, gateway.namespace);
    const status: GatewayStatus = { cluster: name, kind, namespace: gateway.namespace, name: gateway.name };
    const place =
      service === undefined
        ? undefined
        : placeOf(service, kind === "eastwest" ? gateway.port : undefined, nodeOf(mesh, name));
    if (place === undefined) return [status];
    const port = mesh.realPort(place.address, place.port);
    const url = `http://${place.address}${port === 80 ? "" : `:${port}`}`;
    return [{ ...status, address: place.address, port, ...(kind === "ingress" ? { url } : {}) }];
  });
}

/** The first node of a cluster: each answers on every node port. */
function nodeOf(mesh: RunningMesh, name: string): string | undefined {
  const block = mesh.clusterSet.blocks.get(name);
  return block === undefined ? undefined : addressesOf(block).node(0);
}

/** Address and port of a Service's port, by default that for plain HTTP; undefined when it is not to be had from outside, or not yet. */
function placeOf(
  { spec, status }: Service,
  port: number | undefined,
  node: string | undefined,
): { readonly address: string; readonly port: number } | undefined {
  const wanted = spec.ports?.find((one) =>
    port === undefined ? one.name?.startsWith("http") : one.port === port,
  );
  const ingress = status?.loadBalancer?.ingress?.[0];
  const balancer = ingress?.ip ?? ingress?.hostname;
  if (balancer !== undefined) return { address: balancer, port: wanted?.port ?? port ?? 80 };
  const nodePort = spec.type === "NodePort" ? wanted?.nodePort : undefined;
  return nodePort === undefined || node === undefined ? undefined : { address: node, port: nodePort };
}
