import type { Workload } from "./workload.ts";

/** What tells one series from another. */
export interface Traffic {
  readonly reporter: "source" | "destination";
  readonly source: Workload;
  readonly destination: Workload;
  /** SPIFFE identities, where TLS showed them. */
  readonly sourcePrincipal: string | undefined;
  readonly destinationPrincipal: string | undefined;
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string };
  /** Absent for TCP. */
  readonly request?: {
    readonly status: number;
    /** Of gRPC; "" when none came. */
    readonly grpcStatus?: string;
  };
  /** Envoy's short names, parted by commas; "-" for none. */
  readonly flags: string;
  /** What the destination knows; undefined at the source. */
  readonly isMutualTls?: boolean;
}

/** The metrics of one proxy, as istio.stats counts them. */
export interface IstioMetrics {
  /** Counts one finished request. `traffic` is called once for each `key`, which must differ where its results do. */
  request(
    key: string,
    traffic: () => Traffic,
    size: { readonly milliseconds: number; readonly received: number; readonly sent: number },
  ): void;
  /**
   * Counts a connection from now on. `read` says what it has carried so far, in bytes: it is asked whenever somebody reads
   * the metrics, so that long connections are seen while they last.
   */
  connection(key: string, traffic: () => Traffic, read: () => Carried): OpenConnection;
  /** In Prometheus' text format. */
  text(): string;
}

export interface Carried {
  readonly received: number;
  readonly sent: number;
}

export interface OpenConnection {
  /** It has ended, in the way that these say. */
  end(key: string, traffic: () => Traffic): void;
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
  readonly isTcp: boolean;
  /** Requests, or connections opened. */
  count: number;
  closed: number;
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  sent: number;
  received: number;
}

/** Label sets that are counted apart; hostile header values must not fill the memory. */
const maxSeries = 10_000;

export function createIstioMetrics(): IstioMetrics {
  const series = new Map<string, Series>();
  const open = new Set<() => void>();
  const seriesOf = (key: string, traffic: () => Traffic): Series | undefined => {
    const known = series.get(key);
    if (known !== undefined) return known;
    if (series.size >= maxSeries) return undefined;
    const told = traffic();
    const made: Series = {
      labels: labelsOf(told),
      isTcp: told.request === undefined,
      count: 0,
      closed: 0,
      duration: createHistogram(),
      requestBytes: createHistogram(),
      responseBytes: createHistogram(),
      sent: 0,
      received: 0,
    };
    series.set(key, made);
    return made;
  };
  return {
    request(key, traffic, { milliseconds, received, sent }) {
      const target = seriesOf(key, traffic);
      if (target === undefined) return;
      target.count++;
      observe(target.duration, milliseconds);
      observe(target.requestBytes, received);
      observe(target.responseBytes, sent);
    },
    connection(key, traffic, read) {
      const target = seriesOf(key, traffic);
      let counted: Carried = { received: 0, sent: 0 };
      const look = () => {
        const carried = read();
        if (target !== undefined) {
          target.received += carried.received - counted.received;
          target.sent += carried.sent - counted.sent;
        }
        counted = carried;
      };
      if (target !== undefined) target.count++;
      open.add(look);
      return {
        end(endKey, endTraffic) {
          look();
          open.delete(look);
          const ended = seriesOf(endKey, endTraffic);
          if (ended !== undefined) ended.closed++;
        },
      };
    },
    text() {
      for (const look of open) look();
      const http = [...series.values()].filter(({ isTcp }) => !isTcp);
      const tcp = [...series.values()].filter(({ isTcp }) => isTcp);
      return [
        counter("istio_requests_total", http, ({ count }) => count),
        histogram("istio_request_duration_milliseconds", http, ({ duration }) => duration),
        histogram("istio_request_bytes", http, ({ requestBytes }) => requestBytes),
        histogram("istio_response_bytes", http, ({ responseBytes }) => responseBytes),
        counter("istio_tcp_connections_opened_total", tcp, ({ count }) => count),
        counter("istio_tcp_connections_closed_total", tcp, ({ closed }) => closed),
        counter("istio_tcp_sent_bytes_total", tcp, ({ sent }) => sent),
        counter("istio_tcp_received_bytes_total", tcp, ({ received }) => received),
      ].join("");
    },
  };
}

function labelsOf(traffic: Traffic): string {
  const { reporter, source, destination, service, request, flags, isMutualTls } = traffic;
  const protocol = request === undefined ? "tcp" : request.grpcStatus === undefined ? "http" : "grpc";
  const labels: (readonly [string, string])[] = [
    ["reporter", reporter],
    ...partyLabels("source", source, traffic.sourcePrincipal),
    ...partyLabels("destination", destination, traffic.destinationPrincipal),
    ["destination_service", service.host],
    ["destination_service_name", service.name],
    ["destination_service_namespace", service.namespace],
    ["request_protocol", protocol],
    ...(request === undefined
      ? []
      : [
          ["response_code", String(request.status)] as const,
          ["grpc_response_status", request.grpcStatus ?? ""] as const,
        ]),
    ["response_flags", flags],
    [
      "connection_security_policy",
      isMutualTls === undefined ? "unknown" : isMutualTls ? "mutual_tls" : "none",
    ],
  ];
  return labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",");
}

function partyLabels(
  side: "source" | "destination",
  party: Workload,
  principal: string | undefined,
): (readonly [string, string])[] {
  return [
    [`${side}_workload`, party.workload],
    [`${side}_canonical_service`, party.canonicalService],
    [`${side}_canonical_revision`, party.canonicalRevision],
    [`${side}_workload_namespace`, party.namespace],
    [`${side}_principal`, principal ?? "unknown"],
    [`${side}_app`, party.app],
    [`${side}_version`, party.version],
    [`${side}_cluster`, party.cluster],
  ];
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
