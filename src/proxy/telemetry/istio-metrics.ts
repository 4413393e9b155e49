import type { JsonObject } from "@bufbuild/protobuf";
import type { ExchangeFacts } from "../router/facts.ts";
import type { Direction } from "../router/runtime.ts";

/** Istio's standard metrics of one proxy (istio_requests_total and its siblings), as istio.stats counts them. */
export interface IstioMetrics {
  /** Counts one finished exchange. */
  record(facts: ExchangeFacts, direction: Direction, service: ServiceName | undefined): void;
  /** In Prometheus' text format. */
  text(): string;
}

/** The destination service as the cluster's metadata names it. */
export interface ServiceName {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

interface Workload {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
}

/** Upper bounds of the histograms, as Envoy has them by default. */
const bounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

interface Histogram {
  readonly counts: Float64Array;
  sum: number;
}

interface Series {
  /** Label text without braces. */
  readonly labels: string;
  requests: number;
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  opened: number;
  closed: number;
  sent: number;
  received: number;
  readonly isTcp: boolean;
}

/** Label sets that are counted apart; hostile header values must not fill the memory. */
const maxSeries = 10_000;

const unknown: Workload = {
  workload: "unknown",
  namespace: "unknown",
  app: "unknown",
  version: "unknown",
  canonicalService: "unknown",
  canonicalRevision: "latest",
  cluster: "unknown",
};

export function createIstioMetrics(nodeMetadata: JsonObject | undefined): IstioMetrics {
  const own = workloadOf(nodeMetadata);
  const series = new Map<string, Series>();
  const peers = new WeakMap<object, Workload>();
  const endpoints = new Map<string, Workload>();

  function peerOf(facts: ExchangeFacts, isInbound: boolean): Workload {
    const { peerMetadata, upstreamHost } = facts;
    if (peerMetadata !== undefined) {
      let known = peers.get(peerMetadata);
      if (known === undefined) {
        known = workloadOf(peerMetadata.fields as JsonObject);
        peers.set(peerMetadata, known);
      }
      return known;
    }
    if (isInbound || upstreamHost?.workload === undefined) return unknown;
    let known = endpoints.get(upstreamHost.workload);
    if (known === undefined) {
      known = endpointWorkload(upstreamHost.workload);
      if (endpoints.size > 1024) endpoints.clear();
      endpoints.set(upstreamHost.workload, known);
    }
    return known;
  }

  function seriesOf(
    facts: ExchangeFacts,
    direction: Direction,
    service: ServiceName | undefined,
  ): Series | undefined {
    const isInbound = direction === "inbound";
    const peer = peerOf(facts, isInbound);
    const { downstream, request } = facts;
    const peerPrincipal = isInbound ? downstream.tls?.peer?.uris[0] : facts.upstreamPeer;
    const flags = facts.flags.length === 0 ? "-" : facts.flags.join(",");
    const grpc = request === undefined ? undefined : grpcStatus(facts);
    const key = `${direction}|${facts.status}|${flags}|${grpc ?? ""}|${facts.cluster}|${peer.workload}|${peer.namespace}|${peer.cluster}|${peer.version}|${peerPrincipal ?? ""}`;
    const known = series.get(key);
    if (known !== undefined) return known;
    if (series.size >= maxSeries) return undefined;
    const source = isInbound ? peer : own;
    const destination = isInbound ? own : peer;
    const ownPrincipal = isInbound ? downstream.tls?.local?.uris[0] : facts.ownPrincipal;
    const host = service?.host ?? facts.request?.authority ?? "unknown";
    const labels: [string, string][] = [
      ["reporter", isInbound ? "destination" : "source"],
      ["source_workload", source.workload],
      ["source_canonical_service", source.canonicalService],
      ["source_canonical_revision", source.canonicalRevision],
      ["source_workload_namespace", source.namespace],
      ["source_principal", (isInbound ? peerPrincipal : ownPrincipal) ?? "unknown"],
      ["source_app", source.app],
      ["source_version", source.version],
      ["source_cluster", source.cluster],
      ["destination_workload", destination.workload],
      ["destination_workload_namespace", destination.namespace],
      ["destination_principal", (isInbound ? ownPrincipal : peerPrincipal) ?? "unknown"],
      ["destination_app", destination.app],
      ["destination_version", destination.version],
      ["destination_service", host],
      ["destination_canonical_service", destination.canonicalService],
      ["destination_canonical_revision", destination.canonicalRevision],
      ["destination_service_name", service?.name ?? serviceNameOf(facts.cluster, host)],
      ["destination_service_namespace", service?.namespace ?? destination.namespace],
      ["destination_cluster", destination.cluster],
    ];
    if (request !== undefined) {
      labels.push(
        ["request_protocol", grpc === undefined ? "http" : "grpc"],
        ["response_code", String(facts.status)],
        ["grpc_response_status", grpc ?? ""],
      );
    } else labels.push(["request_protocol", "tcp"]);
    labels.push(
      ["response_flags", flags],
      [
        "connection_security_policy",
        !isInbound ? "unknown" : downstream.tls?.peer === undefined ? "none" : "mutual_tls",
      ],
    );
    const made: Series = {
      labels: labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(","),
      requests: 0,
      duration: createHistogram(),
      requestBytes: createHistogram(),
      responseBytes: createHistogram(),
      opened: 0,
      closed: 0,
      sent: 0,
      received: 0,
      isTcp: request === undefined,
    };
    series.set(key, made);
    return made;
  }

  return {
    record(facts, direction, service) {
      const target = seriesOf(facts, direction, service);
      if (target === undefined) return;
      if (target.isTcp) {
        target.opened++;
        target.closed++;
        target.sent += facts.bytesSent;
        target.received += facts.bytesReceived;
        return;
      }
      target.requests++;
      observe(target.duration, (facts.ended ?? facts.started) - facts.started);
      observe(target.requestBytes, facts.bytesReceived);
      observe(target.responseBytes, facts.bytesSent);
    },
    text() {
      const http = [...series.values()].filter(({ isTcp }) => !isTcp);
      const tcp = [...series.values()].filter(({ isTcp }) => isTcp);
      return [
        counter("istio_requests_total", http, ({ requests }) => requests),
        histogram("istio_request_duration_milliseconds", http, ({ duration }) => duration),
        histogram("istio_request_bytes", http, ({ requestBytes }) => requestBytes),
        histogram("istio_response_bytes", http, ({ responseBytes }) => responseBytes),
        counter("istio_tcp_connections_opened_total", tcp, ({ opened }) => opened),
        counter("istio_tcp_connections_closed_total", tcp, ({ closed }) => closed),
        counter("istio_tcp_sent_bytes_total", tcp, ({ sent }) => sent),
        counter("istio_tcp_received_bytes_total", tcp, ({ received }) => received),
      ].join("");
    },
  };
}

function workloadOf(fields: JsonObject | undefined): Workload {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const labels = fields?.["LABELS"];
  const label = (name: string) =>
    typeof labels === "object" && labels !== null && !Array.isArray(labels) ? text(labels[name]) : undefined;
  const workload = text(fields?.["WORKLOAD_NAME"]) ?? "unknown";
  const app = label("app") ?? label("app.kubernetes.io/name");
  const version = label("version") ?? label("app.kubernetes.io/version");
  return {
    workload,
    namespace: text(fields?.["NAMESPACE"]) ?? "unknown",
    app: app ?? "unknown",
    version: version ?? "unknown",
    canonicalService: label("service.istio.io/canonical-name") ?? app ?? workload,
    canonicalRevision: label("service.istio.io/canonical-revision") ?? version ?? "latest",
    cluster: text(fields?.["CLUSTER_ID"]) ?? "unknown",
  };
}

/** "workload;namespace;canonical service;revision;cluster" of an endpoint's metadata. */
function endpointWorkload(text: string): Workload {
  const [workload, namespace, service, revision, cluster] = text.split(";").map((part) => part || undefined);
  return {
    workload: workload ?? "unknown",
    namespace: namespace ?? "unknown",
    app: service ?? "unknown",
    version: revision ?? "unknown",
    canonicalService: service ?? "unknown",
    canonicalRevision: revision ?? "latest",
    cluster: cluster ?? "unknown",
  };
}

function serviceNameOf(cluster: string, host: string): string {
  return cluster === "PassthroughCluster" ||
    cluster === "BlackHoleCluster" ||
    cluster === "InboundPassthroughCluster"
    ? cluster
    : host;
}

function grpcStatus({ request, responseTrailers, responseHeaders }: ExchangeFacts): string | undefined {
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

function createHistogram(): Histogram {
  return { counts: new Float64Array(bounds.length + 1), sum: 0 };
}

function observe(target: Histogram, value: number): void {
  let at = 0;
  while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
  target.counts[at] = (target.counts[at] ?? 0) + 1;
  target.sum += value;
}

function counter(name: string, all: readonly Series[], value: (series: Series) => number): string {
  if (all.length === 0) return "";
  return `# TYPE ${name} counter\n${all.map((one) => `${name}{${one.labels}} ${value(one)}\n`).join("")}`;
}

function histogram(name: string, all: readonly Series[], of: (series: Series) => Histogram): string {
  if (all.length === 0) return "";
  const lines = all.map((one) => {
    const { counts, sum } = of(one);
    let total = 0;
    let text = "";
    for (const [index, count] of counts.entries()) {
      total += count;
      text += `${name}_bucket{${one.labels},le="${bounds[index] ?? "+Inf"}"} ${total}\n`;
    }
    return `${text}${name}_sum{${one.labels}} ${sum}\n${name}_count{${one.labels}} ${total}\n`;
  });
  return `# TYPE ${name} histogram\n${lines.join("")}`;
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
