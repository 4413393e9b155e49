import type { DnsAnswer, DnsQuestion } from "../../dns/index.ts";
import type { Destination } from "../contracts.ts";
import { nodeAddress, placeOf } from "./addresses.ts";
import type { Links } from "./links.ts";
import type { ConnectFailure } from "./sockets.ts";

/** One cluster of the mesh, as the network knows it. */
export interface ClusterNetwork {
  readonly name: string;
  /** B of the cluster's addresses 127.B.0.0/16. */
  readonly block: number;
  /** Clusters reach each other's pods when they have the same one, or when one of them has none. */
  readonly network: string | undefined;
  /** Answers a question for an absolute name as the cluster's DNS does; what is not the cluster's comes from outside. */
  answer(question: DnsQuestion): Promise<DnsAnswer>;
}

/** Where a connection comes from. Without a cluster: from outside, such as a browser on this machine. */
export interface Source {
  readonly cluster: string | undefined;
  readonly address: string;
}

/** A Service's address and port, to which connections are led on. */
export interface Frontend {
  readonly cluster: string;
  /** Whether the endpoint sees the caller's address even when the caller is no pod of the cluster. */
  readonly keepsSource: boolean;
  /** The endpoint for a new connection; undefined when there is none. */
  pick(source: Source): Destination | undefined;
}

/** What routing needs to know of the mesh. */
export interface Topology {
  cluster(name: string): ClusterNetwork | undefined;
  clusterOfBlock(block: number): ClusterNetwork | undefined;
  frontend(address: string, port: number): Frontend | undefined;
  realPort(address: string, port: number): number;
  readonly links: Links;
}

/** Where a connection goes, or how it fails. */
export type Route =
  | {
      readonly kind: "connect";
      readonly to: Destination;
      readonly localAddress: string | undefined;
      /** Links between clusters that it goes over. */
      readonly crossings: readonly (readonly [string, string])[];
      readonly delayMs: number;
    }
  | { readonly kind: "fail"; readonly code: ConnectFailure };

/** A Service may lead to another cluster's load balancer, and so on; beyond this it is a loop. */
const mostHops = 4;

/**
 * Decides about a connection as nodes, kube-proxies and routers between clusters would: ClusterIPs never leave
 * their cluster, pods are reached within their network, load balancers, nodes and API servers from everywhere.
 */
export function route(topology: Topology, source: Source, to: Destination): Route {
  const crossings: (readonly [string, string])[] = [];
  let delayMs = 0;
  let from = source;
  let target = to;
  for (let hop = 0; hop < mostHops; hop++) {
    const place = placeOf(target.address);
    const owner = place === undefined ? undefined : topology.clusterOfBlock(place.block);
    if (place === undefined || owner === undefined) return { ...connectTo(target, from), crossings, delayMs };
    if (from.cluster !== undefined && from.cluster !== owner.name) {
      const link = topology.links.between(from.cluster, owner.name);
      if (link.isCut) return timedOut;
      delayMs += link.delayMs;
      crossings.push([from.cluster, owner.name]);
    }
    switch (place.kind) {
      case "pod":
        if (!isReachable(topology, from, owner)) return timedOut;
        return { ...connectTo(real(topology, target), from), crossings, delayMs };
      case "shadow": // Only the pod's own dispatcher may know where its app is.
      case "reserved":
        return timedOut;
      case "api":
        return { ...connectTo(target, from), crossings, delayMs };
      case "service":
        if (from.cluster !== undefined && from.cluster !== owner.name) return timedOut;
        break;
      default:
    }
    const frontend = topology.frontend(target.address, target.port);
    if (frontend === undefined) return { ...connectTo(real(topology, target), from), crossings, delayMs };
    const endpoint = frontend.pick(from);
    if (endpoint === undefined) return { kind: "fail", code: "ECONNREFUSED" };
    if (from.cluster !== owner.name) {
      const address =
        frontend.keepsSource && from.cluster === undefined ? from.address : nodeAddress(owner.block);
      from = { cluster: owner.name, address };
    }
    target = endpoint;
  }
  return timedOut;
}

/** Whether `source` reaches pods of `owner`: same network, or a network unknown. Callers from outside do. */
export function isReachable(topology: Topology, source: Source, owner: ClusterNetwork): boolean {
  if (source.cluster === undefined || source.cluster === owner.name) return true;
  const network = topology.cluster(source.cluster)?.network;
  return network === undefined || owner.network === undefined || network === owner.network;
}

/** The source that an address stands for: a pod or node of a known cluster, else the outside. */
export function sourceOf(topology: Topology, address: string): Source {
  const place = placeOf(address);
  const isOfCluster =
    place !== undefined && (place.kind === "pod" || place.kind === "node" || place.kind === "shadow");
  const cluster = isOfCluster ? topology.clusterOfBlock(place.block)?.name : undefined;
  return { cluster, address };
}

const timedOut: Route = { kind: "fail", code: "ETIMEDOUT" };

function real(topology: Topology, { address, port }: Destination): Destination {
  return { address, port: topology.realPort(address, port) };
}

function connectTo(
  to: Destination,
  from: Source,
): { kind: "connect"; to: Destination; localAddress: string } {
  return { kind: "connect", to, localAddress: from.address };
}
