import { parse } from "yaml";
import type { ConnectionPool, HttpRetry, LocalityLbSetting, OutlierDetection } from "./config-types.ts";
import { parseDuration } from "./proto.ts";

/** The part of Istio's MeshConfig that discovery acts on, with Istio's defaults filled in. Durations in milliseconds. */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
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
  /** Percentage of requests that are traced. */
  readonly tracingSampling: number;
  readonly enablePrometheusMerge: boolean;
  readonly defaultHttpRetryPolicy?: HttpRetry;
  readonly localityLbSetting: LocalityLbSetting;
  readonly h2Upgrade: boolean;
  readonly defaultTrafficPolicy?: {
    readonly connectionPool?: ConnectionPool;
    readonly outlierDetection?: OutlierDetection;
  };
  readonly serviceSettings: readonly {
    readonly settings?: { readonly clusterLocal?: boolean };
    readonly hosts?: readonly string[];
  }[];
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly extensionProviders: readonly Readonly<Record<string, unknown>>[];
  readonly defaultProviders: {
    readonly metrics: readonly string[];
    readonly accessLogging: readonly string[];
  };
  readonly pathNormalization: "NONE" | "BASE" | "DEFAULT" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  /** As written, for proxies' PROXY_CONFIG. */
  readonly defaultConfig: Readonly<Record<string, unknown>>;
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly dnsAutoAllocate: boolean;
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
  typeof value === "string" ? (parseDuration(value) ?? otherwise) : otherwise;

/**
 * MeshConfig from the `mesh` key of Istio's ConfigMap (YAML). Unknown fields are passed over, wrong values
 * count as absent. Throws only when the text is no YAML.
 */
export function parseMeshConfig(yaml: string, defaults: { readonly systemNamespace: string }): MeshConfig {
  const raw = object(parse(yaml === "" ? "{}" : yaml));
  const config = object(raw["defaultConfig"]);
  const retry = raw["defaultHttpRetryPolicy"];
  const policy = raw["defaultTrafficPolicy"];
  const providers = object(raw["defaultProviders"]);
  const sampling = object(config["tracing"])["sampling"];
  return {
    trustDomain: text(raw["trustDomain"], "cluster.local"),
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
    tracingSampling: typeof sampling === "number" ? sampling : 1,
    enablePrometheusMerge: raw["enablePrometheusMerge"] !== false,
    ...(retry === undefined ? {} : { defaultHttpRetryPolicy: object(retry) as HttpRetry }),
    localityLbSetting: object(raw["localityLbSetting"]) as LocalityLbSetting,
    h2Upgrade: raw["h2UpgradePolicy"] === "UPGRADE",
    ...(policy === undefined ? {} : { defaultTrafficPolicy: object(policy) }),
    serviceSettings: Array.isArray(raw["serviceSettings"]) ? raw["serviceSettings"] : [],
    defaultServiceExportTo: list(raw["defaultServiceExportTo"]),
    defaultVirtualServiceExportTo: list(raw["defaultVirtualServiceExportTo"]),
    defaultDestinationRuleExportTo: list(raw["defaultDestinationRuleExportTo"]),
    extensionProviders: Array.isArray(raw["extensionProviders"]) ? raw["extensionProviders"] : [],
    defaultProviders: {
      metrics: list(providers["metrics"]),
      accessLogging: list(providers["accessLogging"]),
    },
    pathNormalization: normalization(object(raw["pathNormalization"])["normalization"]),
    defaultConfig: config,
    proxyListenPort: 15001,
    proxyInboundListenPort: 15006,
    dnsAutoAllocate: true,
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
