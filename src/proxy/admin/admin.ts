import { X509Certificate } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { logLevel } from "../../base/index.ts";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { clustersJson, clustersText } from "./clusters.ts";
import { configDump, type DumpSources } from "./config-dump.ts";
import { collectStats, type StatSources, statsPrometheus, statsText } from "./stats.ts";

/** What the admin interface shows. */
export interface AdminSources extends DumpSources, StatSources {
  state(): "LIVE" | "PRE_INITIALIZING" | "DRAINING";
  now(): number;
  /** Metrics that are no Envoy counters, in Prometheus' text format. */
  extraMetrics(): string;
  /** Ends listening for good: what is connected stays, new connections are refused. */
  stopListening(inboundOnly: boolean): void;
}

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const version = "isthmus";

/** Answers a request to the admin interface as Envoy does. Only POST changes anything. */
export function answerAdmin(
  sources: AdminSources,
  path: string,
  query: URLSearchParams,
  method: string,
): AdminAnswer {
  if (method !== "GET" && method !== "HEAD" && method !== "POST") return text("Method Not Allowed", 405);
  switch (path) {
    case "/ready": {
      const state = sources.state();
      return text(`${state}\n`, state === "LIVE" ? 200 : 503);
    }
    case "/server_info":
      return json(serverInfo(sources));
    case "/config_dump":
      return json(configDump(sources, query));
    case "/clusters":
      return query.get("format") === "json"
        ? json(clustersJson(sources.clusters()))
        : text(clustersText(sources.clusters()));
    case "/stats":
      return stats(sources, query);
    case "/stats/prometheus":
      return {
        status: 200,
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: sources.extraMetrics() + statsPrometheus(filtered(sources, query)),
      };
    case "/listeners":
      return listeners(sources, query);
    case "/certs":
      return json({
        certificates: [...sources.secrets()].flatMap(([, secret]) => certificates(secret, sources.now())),
      });
    case "/drain_listeners":
      if (method !== "POST") return text("Method Not Allowed", 405);
      sources.stopListening(query.has("inboundonly"));
      return text("OK\n");
    case "/logging":
      // One logger for all proxies, the engine's own: it can be looked at, as istioctl proxy-config log does.
      return [...query].length === 0
        ? text(`active loggers:\n  isthmus: ${logLevel}\n`)
        : text("the built-in proxy has no loggers of its own to set\n", 400);
    case "/":
    case "/help":
      return text(
        [
          "/certs",
          "/clusters",
          "/config_dump",
          "/drain_listeners",
          "/listeners",
          "/logging",
          "/ready",
          "/server_info",
          "/stats",
          "/stats/prometheus",
        ]
          .join("\n")
          .concat("\n"),
      );
    default:
      return text("invalid path. see /help\n", 404);
  }
}

function stats(sources: AdminSources, query: URLSearchParams): AdminAnswer {
  const list = filtered(sources, query);
  switch (query.get("format")) {
    case "prometheus":
      return text(sources.extraMetrics() + statsPrometheus(list));
    case "json":
      return json({ stats: list.map(({ name, value }) => ({ name, value })) });
    default:
      return text(statsText(list));
  }
}

function filtered(sources: AdminSources, query: URLSearchParams) {
  const all = collectStats(sources);
  const filter = query.get("filter");
  const pattern = filter === null ? undefined : new RegExp(filter);
  const usedOnly = query.has("usedonly");
  return all.filter(({ name, value }) => (pattern?.test(name) ?? true) && (!usedOnly || value !== 0));
}

function listeners(sources: AdminSources, query: URLSearchParams): AdminAnswer {
  const live = [...sources.listeners()].filter(({ draining }) => !draining).map(({ compiled }) => compiled);
  if (query.get("format") !== "json") {
    return text(live.map(({ name, address, port }) => `${name}::${address}:${port}\n`).join(""));
  }
  return json({
    listener_statuses: live.map(({ name, address, port }) => ({
      name,
      local_address: { socket_address: { address, port_value: port } },
    })),
  });
}

function serverInfo(sources: AdminSources): JsonObject {
  const seconds = Math.floor((sources.now() - sources.startedAt) / 1000);
  return {
    version,
    state: sources.state(),
    uptime_current_epoch: `${seconds}s`,
    uptime_all_epochs: `${seconds}s`,
    hot_restart_version: "disabled",
    command_line_options: { service_node: sources.node.id, service_cluster: sources.node.cluster },
    node: { id: sources.node.id, cluster: sources.node.cluster },
  };
}

function certificates(secret: Secret, now: number): JsonObject[] {
  const source =
    secret.type.case === "tlsCertificate"
      ? secret.type.value.certificateChain
      : secret.type.case === "validationContext"
        ? secret.type.value.trustedCa
        : undefined;
  if (source?.specifier.case !== "inlineBytes") return [];
  const list = Buffer.from(source.specifier.value)
    .toString("latin1")
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const described = (list ?? []).map((pem) => describe(new X509Certificate(pem), now));
  return secret.type.case === "tlsCertificate"
    ? [{ ca_cert: [], cert_chain: described }]
    : [{ ca_cert: described, cert_chain: [] }];
}

function describe(certificate: X509Certificate, now: number): JsonObject {
  const names = (certificate.subjectAltName ?? "").split(", ").filter((name) => name !== "");
  return {
    path: "<inline>",
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: names.map((name) => ({
      [name.startsWith("URI:") ? "uri" : "dns"]: name.replace(/^[A-Za-z ]+:/, ""),
    })),
    days_until_expiration: String(
      Math.max(0, Math.floor((Date.parse(certificate.validTo) - now) / 86_400_000)),
    ),
    valid_from: new Date(certificate.validFrom).toISOString(),
    expiration_time: new Date(certificate.validTo).toISOString(),
  };
}

function text(body: string, status = 200): AdminAnswer {
  return { status, contentType: "text/plain; charset=UTF-8", body };
}

function json(body: JsonObject): AdminAnswer {
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(body, undefined, 1)}\n` };
}
