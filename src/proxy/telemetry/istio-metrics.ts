import type { JsonObject } from "@bufbuild/protobuf";
import {
  type Carried,
  createIstioMetrics as createMetrics,
  endpointWorkload,
  type Traffic,
  unknownWorkload,
  type Workload,
  workloadOfNode,
} from "../../istio-metrics/index.ts";
import type { ExchangeFacts } from "../router/facts.ts";
import type { Direction } from "../router/runtime.ts";

/** Istio's standard metrics of one proxy (istio_requests_total and its siblings), as istio.stats counts them. */
export interface IstioMetrics {
  /** Counts one finished exchange. */
  record(facts: ExchangeFacts, direction: Direction, service: ServiceName | undefined): void;
  /** Counts a connection of TCP from now on, with the bytes that `read` tells; the result is called at its end. */
  carry(
    facts: ExchangeFacts,
    direction: Direction,
    service: ServiceName | undefined,
    read: () => Carried,
  ): () => void;
  /** In Prometheus' text format. */
  text(): string;
}

/** The destination service as the cluster's metadata names it. */
export interface ServiceName {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export function createIstioMetrics(nodeMetadata: JsonObject | undefined): IstioMetrics {
  const own = workloadOfNode(nodeMetadata);
  const metrics = createMetrics();
  const peers = new WeakMap<object, Workload>();
  const endpoints = new Map<string, Workload>();

  function peerOf(facts: ExchangeFacts, isInbound: boolean): Workload {
    const { peerMetadata, upstreamHost } = facts;
    if (peerMetadata !== undefined) {
      let known = peers.get(peerMetadata);
      if (known === undefined) {
        known = workloadOfNode(peerMetadata.fields);
        peers.set(peerMetadata, known);
      }
      return known;
    }
    if (isInbound || upstreamHost?.workload === undefined) return unknownWorkload;
    let known = endpoints.get(upstreamHost.workload);
    if (known === undefined) {
      known = endpointWorkload(upstreamHost.workload);
      if (endpoints.size > 1024) endpoints.clear();
      endpoints.set(upstreamHost.workload, known);
    }
    return known;
  }

  /** What tells the exchange's series from others, as the facts are now. */
  function describe(facts: ExchangeFacts, direction: Direction, service: ServiceName | undefined) {
    const isInbound = direction === "inbound";
    const peer = peerOf(facts, isInbound);
    const { downstream, request } = facts;
    const peerPrincipal = isInbound ? downstream.tls?.peer?.uris[0] : facts.upstreamPeer;
    const flags = facts.flags.length === 0 ? "-" : facts.flags.join(",");
    const grpcStatus = request === undefined ? undefined : grpcStatusOf(facts);
    const key = `${direction}|${facts.status}|${flags}|${grpcStatus ?? "none"}|${facts.cluster}|${peer.workload}|${peer.namespace}|${peer.cluster}|${peer.version}|${peerPrincipal ?? ""}`;
    const traffic = (): Traffic => {
      const ownPrincipal = isInbound ? downstream.tls?.local?.uris[0] : facts.ownPrincipal;
      const host = service?.host ?? request?.authority ?? "unknown";
      const destination = isInbound ? own : peer;
      return {
        reporter: isInbound ? "destination" : "source",
        source: isInbound ? peer : own,
        destination,
        sourcePrincipal: isInbound ? peerPrincipal : ownPrincipal,
        destinationPrincipal: isInbound ? ownPrincipal : peerPrincipal,
        service: service ?? {
          host,
          name: serviceNameOf(facts.cluster, host),
          namespace: destination.namespace,
        },
        ...(request === undefined
          ? {}
          : { request: { status: facts.status, ...(grpcStatus === undefined ? {} : { grpcStatus }) } }),
        flags,
        ...(isInbound ? { isMutualTls: downstream.tls?.peer !== undefined } : {}),
      };
    };
    return { key, traffic };
  }

  return {
    record(facts, direction, service) {
      const { key, traffic } = describe(facts, direction, service);
      const { bytesReceived: received, bytesSent: sent } = facts;
      if (facts.request === undefined) {
        metrics.connection(key, traffic, () => ({ received, sent })).end(key, traffic);
        return;
      }
      const milliseconds = (facts.ended ?? facts.started) - facts.started;
      metrics.request(key, traffic, { milliseconds, received, sent });
    },
    carry(facts, direction, service, read) {
      const begun = describe(facts, direction, service);
      const connection = metrics.connection(begun.key, begun.traffic, read);
      return () => {
        const { key, traffic } = describe(facts, direction, service);
        connection.end(key, traffic);
      };
    },
    text: metrics.text,
  };
}

function serviceNameOf(cluster: string, host: string): string {
  return cluster === "PassthroughCluster" ||
    cluster === "BlackHoleCluster" ||
    cluster === "InboundPassthroughCluster"
    ? cluster
    : host;
}

function grpcStatusOf({ request, responseTrailers, responseHeaders }: ExchangeFacts): string | undefined {
  const headers = request?.headers ?? [];
  let isGrpc = false;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === "content-type") isGrpc = headers[i + 1]?.startsWith("application/grpc") ?? false;
  }
  if (!isGrpc) return undefined;
  for (const list of [responseTrailers, responseHeaders]) {
    const at = list?.indexOf("grpc-status") ?? -1;
    if (at >= 0) return list?.[at + 1];
  }
  return "";
}
