import { generated, type KubeObject, systemNamespace } from "../../kube/index.ts";
import type { Cluster, Gateway, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { gatewayLabel, isMultiNetwork, isPrimary, isShared, remotesOf } from "../topology.ts";

/**
 * What a primary opens on gateways: the services of its clusters to other networks, and its istiod to its
 * remotes. A remote has none of it: Istio reads configuration from the primary, also for the remote's gateways.
 */
export function exposure(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  if (!isPrimary(cluster)) return [];
  return [...crossNetworkGateways(cluster, mesh), ...exposedIstiod(cluster, mesh)];
}

function item(object: KubeObject, from: string): CompiledItem {
  return { kind: "object", wave: "exposure", from, object: generated(object, from) };
}

/**
 * One Gateway for each way in which the gateways of this primary's clusters are selected. The first one has the
 * name that Istio's samples use: cross-network-gateway on an east-west gateway of its own, cluster-aware-gateway
 * on an ingress gateway that does both.
 */
function crossNetworkGateways(primary: Cluster, mesh: Mesh): CompiledItem[] {
  if (!isMultiNetwork(mesh) || mesh.discovery === "exports") return [];
  const names = new Set<string>();
  const seen = new Set<string>();
  return [primary, ...remotesOf(mesh, primary)].flatMap((cluster) => {
    const { eastwest } = cluster.gateways;
    if (eastwest === undefined || seen.has(`${gatewayLabel(eastwest)} ${eastwest.port}`)) return [];
    seen.add(`${gatewayLabel(eastwest)} ${eastwest.port}`);
    const usual = isShared(cluster) ? "cluster-aware-gateway" : "cross-network-gateway";
    const name = names.has(usual) ? `${usual}-${cluster.name}` : usual;
    names.add(usual);
    return [item(passthroughGateway(name, eastwest), `clusters.${cluster.name}.network`)];
  });
}

function passthroughGateway(name: string, gateway: Gateway): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name, namespace: systemNamespace },
    spec: {
      selector: { istio: gatewayLabel(gateway) },
      servers: [
        {
          port: { number: gateway.port, name: "tls", protocol: "TLS" },
          tls: { mode: "AUTO_PASSTHROUGH" },
          hosts: ["*.local"],
        },
      ],
    },
  };
}

function exposedIstiod(primary: Cluster, mesh: Mesh): CompiledItem[] {
  const { eastwest } = primary.gateways;
  const [remote] = remotesOf(mesh, primary);
  if (eastwest === undefined || remote === undefined) return [];
  const from = `clusters.${remote.name}.primary`;
  return [item(istiodGateway(eastwest), from), item(istiodVirtualService(primary), from)];
}

function istiodGateway(gateway: Gateway): KubeObject {
  const server = (number: number, name: string) => ({
    port: { number, name, protocol: "TLS" },
    tls: { mode: "PASSTHROUGH" },
    hosts: ["*"],
  });
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "istiod-gateway", namespace: systemNamespace },
    spec: {
      selector: { istio: gatewayLabel(gateway) },
      servers: [server(15_012, "tls-istiod"), server(15_017, "tls-istiodwebhook")],
    },
  };
}

function istiodVirtualService({ istio: { revision } }: Cluster): KubeObject {
  const host = `istiod${revision === undefined ? "" : `-${revision}`}.${systemNamespace}.svc.cluster.local`;
  const route = (port: number, to: number) => ({
    match: [{ port, sniHosts: ["*"] }],
    route: [{ destination: { host, port: { number: to } } }],
  });
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "istiod-vs", namespace: systemNamespace },
    spec: { hosts: ["*"], gateways: ["istiod-gateway"], tls: [route(15_012, 15_012), route(15_017, 443)] },
  };
}
