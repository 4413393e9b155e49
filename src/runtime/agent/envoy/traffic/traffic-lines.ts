import { fromBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import {
  createIstioMetrics,
  endpointWorkload,
  type Traffic,
  unknownWorkload,
  type Workload,
  workloadOfNode,
} from "../../../../istio-metrics/index.ts";

/** Where the peer's metadata stand in a request's dynamic metadata. */
export const peerNamespace = "isthmus.peer";
export const peerKey = "data";

/** Which way a listener's traffic goes, from the pod's view. */
export type TrafficDirection = "inbound" | "outbound";

/** Envoy's access log operators for what is counted, in the order in which they are read. */
const commonFields = {
  flags: "%RESPONSE_FLAGS%",
  received: "%BYTES_RECEIVED%",
  sent: "%BYTES_SENT%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  services: "%METADATA(CLUSTER:istio:services)%",
  endpoint: "%METADATA(UPSTREAM_HOST:istio:workload)%",
  downstreamPeer: "%DOWNSTREAM_PEER_URI_SAN%",
  downstreamLocal: "%DOWNSTREAM_LOCAL_URI_SAN%",
  upstreamPeer: "%UPSTREAM_PEER_URI_SAN%",
  upstreamLocal: "%UPSTREAM_LOCAL_URI_SAN%",
} as const;
const requestFields = {
  status: "%RESPONSE_CODE%",
  microseconds: "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
  milliseconds: "%DURATION%",
  contentType: "%REQ(CONTENT-TYPE)%",
  grpcStatus: "%GRPC_STATUS_NUMBER%",
  authority: "%REQ(:AUTHORITY)%",
  peer: `%DYNAMIC_METADATA(${peerNamespace}:${peerKey})%`,
} as const;

type Field = keyof typeof commonFields | keyof typeof requestFields;

const connectionNames = Object.keys(commonFields) as Field[];
const requestNames = [...connectionNames, ...(Object.keys(requestFields) as Field[])];

/** The line that Envoy writes for every request, or for every connection of TCP. */
export function lineFormat(kind: "request" | "connection", direction: TrafficDirection): string {
  const fields = kind === "request" ? { ...commonFields, ...requestFields } : commonFields;
  return `${[`${kind} ${direction}`, ...Object.values(fields)].join("\t")}\n`;
}

/** Counts Istio's standard metrics by the lines that an Envoy writes about its traffic. */
export interface TrafficCounter {
  take(line: string): void;
  /** In Prometheus' text format. */
  text(): string;
}

/** Peers and endpoints that are kept to be known again. */
const maxKnown = 1024;

export function createTrafficCounter(
  nodeMetadata: Readonly<Record<string, unknown>> | undefined,
): TrafficCounter {
  const own = workloadOfNode(nodeMetadata);
  const metrics = createIstioMetrics();
  const peers = createMemo(peerWorkload);
  const endpoints = createMemo(endpointWorkload);

  const peerOf = (field: (name: Field) => string, isInbound: boolean): Workload => {
    const told = field("peer");
    if (told !== "") return peers(told);
    const endpoint = unquoted(field("endpoint"));
    return isInbound || endpoint === "" ? unknownWorkload : endpoints(endpoint);
  };

  return {
    take(line) {
      const [what = "", ...values] = line.split("\t");
      const [kind, direction] = what.split(" ");
      const names = kind === "request" ? requestNames : connectionNames;
      if (values.length !== names.length) return;
      const field = (name: Field): string => {
        const value = values[names.indexOf(name)] ?? "";
        return value === "-" ? "" : value;
      };
      const isInbound = direction === "inbound";
      const peer = peerOf(field, isInbound);
      const isGrpc = field("contentType").startsWith("application/grpc");
      const [ownPrincipal, peerPrincipal] = (
        isInbound ? ["downstreamLocal", "downstreamPeer"] : ["upstreamLocal", "upstreamPeer"]
      ).map((name) => field(name as Field).split(",")[0] || undefined);
      const traffic = (): Traffic => {
        const destination = isInbound ? own : peer;
        return {
          reporter: isInbound ? "destination" : "source",
          source: isInbound ? peer : own,
          destination,
          sourcePrincipal: isInbound ? peerPrincipal : ownPrincipal,
          destinationPrincipal: isInbound ? ownPrincipal : peerPrincipal,
          service: serviceOf(field, destination.namespace),
          ...(kind === "request"
            ? {
                request: {
                  status: Number(field("status")) || 0,
                  ...(isGrpc ? { grpcStatus: field("grpcStatus") } : {}),
                },
              }
            : {}),
          flags: field("flags") || "-",
          ...(isInbound ? { isMutualTls: peerPrincipal !== undefined } : {}),
        };
      };
      const shown = [
        ...[what, field("status"), field("flags"), isGrpc ? `grpc ${field("grpcStatus")}` : "http"],
        ...[field("cluster"), peer.workload, peer.namespace, peer.cluster, peer.version, peerPrincipal],
      ];
      const size = { received: Number(field("received")) || 0, sent: Number(field("sent")) || 0 };
      const key = shown.join("|");
      if (kind !== "request") return metrics.connection(key, traffic, () => size).end(key, traffic);
      const microseconds = Number(field("microseconds") || Number.NaN);
      const milliseconds = Number.isNaN(microseconds)
        ? Number(field("milliseconds")) || 0
        : microseconds / 1000;
      metrics.request(key, traffic, { ...size, milliseconds });
    },
    text: metrics.text,
  };
}

function serviceOf(field: (name: Field) => string, namespace: string): Traffic["service"] {
  try {
    const [first] = JSON.parse(field("services") || "[]");
    if (typeof first?.host === "string") return { namespace: "unknown", name: first.host, ...first };
  } catch {
    // Metadata of somebody else's making.
  }
  const cluster = field("cluster");
  const host = field("authority") || "unknown";
  return { host, name: /^(Inbound)?Passthrough|^BlackHole/.test(cluster) ? cluster : host, namespace };
}

/** A peer's x-envoy-peer-metadata: base64 of a protobuf Struct. */
function peerWorkload(data: string): Workload {
  try {
    const fields = toJson(StructSchema, fromBinary(StructSchema, Buffer.from(unquoted(data), "base64")));
    return workloadOfNode(fields as Readonly<Record<string, unknown>>);
  } catch {
    return unknownWorkload;
  }
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1) : text;
}

/** A mesh has few workloads, and they come again with every request. */
function createMemo<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = make(text);
      if (known.size >= maxKnown) known.clear();
      if (text.length <= 8192) known.set(text, value);
    }
    return value;
  };
}
