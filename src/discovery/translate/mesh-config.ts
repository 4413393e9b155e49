import { parse } from "yaml";
import { parseGoDuration } from "../../base/index.ts";
import type { LabelSelector } from "../../kube/index.ts";
import type { ConnectionPool, HttpRetry, LocalityLbSetting, OutlierDetection } from "./config-types.ts";
import { readTracingSettings, type TracingSettings } from "./tracing-settings.ts";

/** The part of Istio's MeshConfig that discovery acts on, with Istio's defaults filled in. Durations in milliseconds. */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** Whether workloads take only callers of these trust domains. No field: a setting of istiod's process. */
  readonly validatesTrustDomain: boolean;
  /** Whether gateways make spans of their own for upstreams. No field: a setting of istiod's process. */
  readonly spawnsGatewaySpans: boolean;
  readonly rootNamespace: string;
  readonly domain: string;
  readonly connectTimeout: number;
  readonly protocolDetectionTimeout: number;
  readonly dnsRefreshRate: number;
  readonly enableAutoMtls: boolean;
  readonly outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY";
  /** "" turns the access log off. */
  readonly accessLogFile: string;
  readonly accessLogFormat: string;
  readonly accessLogEncoding: "TEXT" | "JSON";
  /** Whether proxies trace that no Telemetry and no default provider says anything of. */
  readonly enableTracing: boolean;
  /** Of proxies that report no ProxyConfig. */
  readonly tracing: TracingSettings;
  readonly enablePrometheusMerge: boolean;
  readonly defaultHttpRetryPolicy?: HttpRetry;
  readonly localityLbSetting: LocalityLbSetting;
  readonly h2Upgrade: boolean;
  /** Of connections that proxies open, where no rule says otherwise. */
  readonly tcpKeepalive?: TcpKeepalive;
  readonly defaultTrafficPolicy?: {
    readonly connectionPool?: ConnectionPool;
    readonly outlierDetection?: OutlierDetection;
  };
  readonly serviceSettings: readonly {
    readonly settings?: { readonly clusterLocal?: boolean };
    readonly hosts?: readonly string[];
  }[];
  /** Namespaces that the mesh has to do with, by their labels; all when there are none. */
  readonly discoverySelectors: readonly LabelSelector[];
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly extensionProviders: readonly Readonly<Record<string, unknown>>[];
  readonly defaultProviders: {
    readonly metrics: readonly string[];
    readonly accessLogging: readonly string[];
    readonly tracing: readonly string[];
  };
  /** Of TLS between workloads. */
  readonly meshMtls: TlsSettings;
  /** Of TLS that gateways end and that clients of the mesh open to servers outside, unless a rule says otherwise. */
  readonly tlsDefaults: TlsSettings;
  readonly pathNormalization: "NONE" | "BASE" | "DEFAULT" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  /** As written, for proxies' PROXY_CONFIG. */
  readonly defaultConfig: Readonly<Record<string, unknown>>;
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly dnsAutoAllocate: boolean;
}

type TcpKeepalive = NonNullable<NonNullable<ConnectionPool["tcp"]>["tcpKeepalive"]>;

/** Limits on TLS; empty lists and versions leave the choice to the proxy. */
export interface TlsSettings {
  readonly minProtocolVersion: "TLSV1_2" | "TLSV1_3" | undefined;
  readonly cipherSuites: readonly string[];
  readonly ecdhCurves: readonly string[];
}

/** Istio's MeshNetworks: which endpoints are on a network and how others get there. */
export interface MeshNetworks {
  readonly networks?: Readonly<
    Record<
      string,
      {
        readonly endpoints?: readonly { readonly fromRegistry?: string; readonly fromCidr?: string }[];
        readonly gateways?: readonly {
          readonly registryServiceName?: string;
          readonly address?: string;
          readonly port?: number;
          readonly locality?: string;
        }[];
      } | null
    >
  >;
}

type Raw = Readonly<Record<string, unknown>>;

const object = (value: unknown): Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Raw) : {};
const text = (value: unknown, otherwise: string) =>
  typeof value === "string" && value !== "" ? value : otherwise;
const list = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
const time = (value: unknown, otherwise: number) =>
  typeof value === "string" ? (parseGoDuration(value) ?? otherwise) : otherwise;

/**
 * MeshConfig from the `mesh` key of Istio's ConfigMap (YAML). Unknown fields are passed over, wrong values
 * count as absent. Throws only when the text is no YAML.
 */
export function parseMeshConfig(
  yaml: string,
  defaults: {
    readonly systemNamespace: string;
    readonly skipValidateTrustDomain?: boolean;
    readonly spawnGatewaySpans?: boolean;
  },
): MeshConfig {
  const raw = object(parse(yaml === "" ? "{}" : yaml));
  const config = object(raw["defaultConfig"]);
  const retry = raw["defaultHttpRetryPolicy"];
  const policy = raw["defaultTrafficPolicy"];
  const providers = object(raw["defaultProviders"]);
  return {
    trustDomain: text(raw["trustDomain"], "cluster.local"),
    validatesTrustDomain: defaults.skipValidateTrustDomain !== true,
    spawnsGatewaySpans: defaults.spawnGatewaySpans !== false,
    trustDomainAliases: list(raw["trustDomainAliases"]),
    rootNamespace: text(raw["rootNamespace"], defaults.systemNamespace),
    domain: "cluster.local",
    connectTimeout: time(raw["connectTimeout"], 10_000),
    protocolDetectionTimeout: time(raw["protocolDetectionTimeout"], 0),
    dnsRefreshRate: time(raw["dnsRefreshRate"], 60_000),
    enableAutoMtls: raw["enableAutoMtls"] !== false,
    outboundTrafficPolicy:
      object(raw["outboundTrafficPolicy"])["mode"] === "REGISTRY_ONLY" ? "REGISTRY_ONLY" : "ALLOW_ANY",
    accessLogFile: text(raw["accessLogFile"], ""),
    accessLogFormat: text(raw["accessLogFormat"], ""),
    accessLogEncoding: raw["accessLogEncoding"] === "JSON" ? "JSON" : "TEXT",
    enableTracing: raw["enableTracing"] !== false,
    tracing: readTracingSettings(config["tracing"]),
    enablePrometheusMerge: raw["enablePrometheusMerge"] !== false,
    ...(retry === undefined ? {} : { defaultHttpRetryPolicy: object(retry) as HttpRetry }),
    localityLbSetting: object(raw["localityLbSetting"]) as LocalityLbSetting,
    h2Upgrade: raw["h2UpgradePolicy"] === "UPGRADE",
    ...(raw["tcpKeepalive"] === undefined
      ? {}
      : { tcpKeepalive: object(raw["tcpKeepalive"]) as TcpKeepalive }),
    ...(policy === undefined ? {} : { defaultTrafficPolicy: object(policy) }),
    serviceSettings: Array.isArray(raw["serviceSettings"]) ? raw["serviceSettings"] : [],
    discoverySelectors: Array.isArray(raw["discoverySelectors"]) ? raw["discoverySelectors"].map(object) : [],
    defaultServiceExportTo: list(raw["defaultServiceExportTo"]),
    defaultVirtualServiceExportTo: list(raw["defaultVirtualServiceExportTo"]),
    defaultDestinationRuleExportTo: list(raw["defaultDestinationRuleExportTo"]),
    extensionProviders: Array.isArray(raw["extensionProviders"]) ? raw["extensionProviders"] : [],
    defaultProviders: {
      metrics: list(providers["metrics"]),
      accessLogging: list(providers["accessLogging"]),
      tracing: list(providers["tracing"]),
    },
    meshMtls: tlsSettings(raw["meshMTLS"]),
    tlsDefaults: tlsSettings(raw["tlsDefaults"]),
    pathNormalization: normalization(object(raw["pathNormalization"])["normalization"]),
    defaultConfig: config,
    proxyListenPort: 15001,
    proxyInboundListenPort: 15006,
    dnsAutoAllocate: true,
  };
}

function tlsSettings(value: unknown): TlsSettings {
  const { minProtocolVersion: version, cipherSuites, ecdhCurves } = object(value);
  return {
    minProtocolVersion: version === "TLSV1_2" || version === "TLSV1_3" ? version : undefined,
    cipherSuites: list(cipherSuites),
    ecdhCurves: list(ecdhCurves),
  };
}

function normalization(value: unknown): MeshConfig["pathNormalization"] {
  const known = ["NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"] as const;
  return known.find((name) => name === value) ?? "DEFAULT";
}

/** MeshNetworks from the `meshNetworks` key of Istio's ConfigMap (YAML). Throws only when the text is no YAML. */
export function parseMeshNetworks(yaml: string): MeshNetworks {
  return object(parse(yaml === "" ? "{}" : yaml)) as MeshNetworks;
}
