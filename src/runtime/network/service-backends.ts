import type { Endpoint, EndpointSlice, Node, Service, ServicePort } from "../../kube/index.ts";
import type { Destination } from "../contracts.ts";
import { placeOf } from "./addresses.ts";

/** An address and port of a Service, and where its connections may go. */
export interface ServiceFrontend {
  readonly address: string;
  readonly port: number;
  readonly targets: readonly Target[];
  /** Seconds for which a client keeps its endpoint (sessionAffinity ClientIP). */
  readonly affinitySeconds?: number;
  /** Only endpoints on this node are used ("Local" policies); "caller" means the caller's own node. */
  readonly onlyOnNode?: string;
  readonly keepsSource: boolean;
}

/** An endpoint and the node it runs on. */
export interface Target extends Destination {
  readonly node?: string;
}

/** Marks endpoints of the caller's own node. */
export const callersNode = "caller";

/**
 * Everything that listens for a Service, as kube-proxy would have it: ClusterIPs, load balancer addresses, external
 * IPs and node ports; TCP only. Addresses that are none of `block`'s, or the API server's or a pod's, are left out:
 * nobody can take over others' addresses by writing them into a Service.
 */
export function serviceFrontends(
  service: Service,
  slices: readonly EndpointSlice[],
  nodes: readonly Node[],
  block: number,
): ServiceFrontend[] {
  const { spec, status } = service;
  if (spec.type === "ExternalName") return [];
  const affinitySeconds = spec.sessionAffinity === "ClientIP" ? affinityTimeout(spec) : undefined;
  const shared = affinitySeconds === undefined ? {} : { affinitySeconds };
  const isLocalOutside = spec["externalTrafficPolicy"] === "Local";
  const isLocalInside = spec["internalTrafficPolicy"] === "Local";
  const inside = (spec.clusterIPs ?? [spec.clusterIP ?? "None"]).filter((address) =>
    isKind(address, block, ["service"]),
  );
  const outside = new Set(
    [...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? ""), ...(spec.externalIPs ?? [])].filter(
      (address) => isKind(address, block, ["loadBalancer", "node"]),
    ),
  );
  return (spec.ports ?? []).filter(isTcp).flatMap((port) => {
    const targets = targetsOf(port, slices);
    const own = { port: port.port, targets, ...shared };
    const frontends: ServiceFrontend[] = [
      ...inside.map((address) => ({
        ...own,
        address,
        keepsSource: true,
        ...(isLocalInside ? { onlyOnNode: callersNode } : {}),
      })),
      ...[...outside].map((address) => ({ ...own, address, keepsSource: isLocalOutside })),
    ];
    if (port.nodePort === undefined) return frontends;
    for (const node of nodes) {
      for (const { address } of node.status?.addresses ?? []) {
        if (!isKind(address, block, ["node"])) continue;
        const local = isLocalOutside ? { onlyOnNode: node.metadata.name } : {};
        frontends.push({ ...own, address, port: port.nodePort, keepsSource: isLocalOutside, ...local });
      }
    }
    return frontends;
  });
}

/** The ready endpoints of a port; when there are none, those that still serve while they end. */
function targetsOf(port: ServicePort, slices: readonly EndpointSlice[]): Target[] {
  const ready: Target[] = [];
  const ending: Target[] = [];
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    const number = (slice.ports ?? []).find(
      (one) => (one.name ?? "") === (port.name ?? "") && isTcp(one),
    )?.port;
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const list = isReady(endpoint) ? ready : isServing(endpoint) ? ending : undefined;
      const node = endpoint.nodeName === undefined ? {} : { node: endpoint.nodeName };
      for (const address of endpoint.addresses) list?.push({ address, port: number, ...node });
    }
  }
  return ready.length > 0 ? ready : ending;
}

/** Unknown counts as ready (EndpointConditions). */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

function isServing({ conditions }: Endpoint): boolean {
  return conditions?.serving === true && conditions.terminating === true;
}

function isTcp({ protocol }: { readonly protocol?: string | undefined }): boolean {
  return protocol === undefined || protocol === "TCP";
}

function isKind(address: string, block: number, kinds: readonly string[]): boolean {
  const place = placeOf(address);
  return place !== undefined && place.block === block && kinds.includes(place.kind);
}

function affinityTimeout(spec: Service["spec"]): number {
  const config = spec["sessionAffinityConfig"] as { clientIP?: { timeoutSeconds?: number } } | undefined;
  return config?.clientIP?.timeoutSeconds ?? 10_800;
}
