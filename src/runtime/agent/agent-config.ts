import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { networkLabel } from "../../kube/index.ts";
import type { ContainerContext, Destination } from "../contracts.ts";

/** What an agent is told by its container: the arguments and environment that injection writes. */
export interface AgentConfig {
  readonly role: "sidecar" | "router";
  readonly clusterId: string;
  readonly namespace: string;
  readonly podName: string;
  readonly serviceAccount: string;
  readonly instanceIp: string;
  readonly trustDomain: string;
  /** "sample.svc.cluster.local" */
  readonly domain: string;
  /** Where ADS is served. */
  readonly discovery: Destination;
  /** Where certificates are signed. */
  readonly certificateAuthority: Destination;
  /** "app.namespace" */
  readonly serviceCluster: string;
  /** The metadata of the xDS node. */
  readonly metadata: JsonObject;
  readonly isIntercepting: boolean;
  readonly usesNameTable: boolean;
  /** How long running requests may go on after the end was asked for, milliseconds. */
  readonly drainMs: number;
  readonly statusPort: number;
  readonly adminPort: number;
  /** Health probes of the app's containers, by the path under which the kubelet asks for them here. */
  readonly appProbes: ReadonlyMap<string, AppProbe>;
  /** Where the app serves metrics of its own, to be served along with the proxy's. */
  readonly appMetrics: { readonly port: number; readonly path: string } | undefined;
}

/** One probe of the app that the agent runs on the kubelet's behalf. Ports are numbers. */
export interface AppProbe {
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number;
    readonly scheme?: string;
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly tcpSocket?: { readonly port: number };
  readonly timeoutSeconds?: number;
}

const defaultDiscovery = "istiod.istio-system.svc:15012";

/**
 * Reads the configuration that injection gives a proxy container (args `proxy sidecar|router`, PROXY_CONFIG,
 * ISTIO_META_*, ISTIO_METAJSON_*, CA_ADDR, POD_NAME …). Throws RangeError naming the variable that can't be read.
 */
export function readAgentConfig(context: ContainerContext, istioVersion: string): AgentConfig {
  const { pod, container, network } = context;
  const proxyConfig = jsonObject("PROXY_CONFIG", context.env["PROXY_CONFIG"]);
  // What proxyMetadata says is what the environment says, unless the environment says it itself.
  const env: Record<string, string> = { ...stringsOf(proxyConfig["proxyMetadata"]), ...context.env };
  const args = container.args ?? [];
  const namespace = env["POD_NAMESPACE"] ?? pod.metadata.namespace ?? "default";
  const podName = env["POD_NAME"] ?? pod.metadata.name;
  const labels = {
    ...pod.metadata.labels,
    ...stringsOf(jsonObject("ISTIO_METAJSON_LABELS", env["ISTIO_METAJSON_LABELS"])),
  };
  const instanceIp = env["INSTANCE_IP"] ?? network.address;
  const serviceAccount = env["SERVICE_ACCOUNT"] ?? pod.spec.serviceAccountName ?? "default";
  const role = args.includes("router") ? "router" : "sidecar";
  const discoveryAddress = textOf(proxyConfig["discoveryAddress"]) ?? defaultDiscovery;
  const interception =
    env["ISTIO_META_INTERCEPTION_MODE"] ?? textOf(proxyConfig["interceptionMode"]) ?? "REDIRECT";
  const networkName = env["ISTIO_META_NETWORK"] ?? labels[networkLabel];
  const workload = env["ISTIO_META_WORKLOAD_NAME"];
  const metadata: Record<string, JsonValue> = {
    CLUSTER_ID: env["ISTIO_META_CLUSTER_ID"] ?? "Kubernetes",
    NAMESPACE: namespace,
    NAME: podName,
    LABELS: labels,
    ...(pod.metadata.annotations === undefined ? {} : { ANNOTATIONS: withoutLong(pod.metadata.annotations) }),
    SERVICE_ACCOUNT: serviceAccount,
    ISTIO_VERSION: istioVersion,
    INSTANCE_IPS: instanceIp,
    INTERCEPTION_MODE: interception,
    PROXY_CONFIG: proxyConfig,
    ...metadataIn(env),
    ...(networkName === undefined || networkName === "" ? {} : { NETWORK: networkName }),
  };
  return {
    role,
    clusterId: String(metadata["CLUSTER_ID"]),
    namespace,
    podName,
    serviceAccount,
    instanceIp,
    trustDomain: env["TRUST_DOMAIN"] ?? "cluster.local",
    domain: argument(args, "--domain") ?? `${namespace}.svc.cluster.local`,
    discovery: hostAndPort("PROXY_CONFIG discoveryAddress", discoveryAddress),
    certificateAuthority: hostAndPort("CA_ADDR", env["CA_ADDR"] ?? discoveryAddress),
    serviceCluster: `${labels["app"] ?? workload ?? "istio-proxy"}.${namespace}`,
    metadata,
    isIntercepting: role === "sidecar" && interception !== "NONE",
    usesNameTable: env["ISTIO_META_DNS_CAPTURE"] === "true",
    drainMs: duration("terminationDrainDuration", proxyConfig["terminationDrainDuration"], 5000),
    statusPort: numberOf(proxyConfig["statusPort"]) ?? 15020,
    adminPort: numberOf(proxyConfig["proxyAdminPort"]) ?? 15000,
    appProbes: new Map(
      Object.entries(jsonObject("ISTIO_KUBE_APP_PROBERS", env["ISTIO_KUBE_APP_PROBERS"])).map(
        ([path, probe]) => [path, probe as AppProbe],
      ),
    ),
    appMetrics: metricsOf(jsonObject("ISTIO_PROMETHEUS_ANNOTATIONS", env["ISTIO_PROMETHEUS_ANNOTATIONS"])),
  };
}

/** ISTIO_META_X is X as text; ISTIO_METAJSON_X is an object of which every field counts. */
function metadataIn(env: Readonly<Record<string, string>>): Record<string, JsonValue> {
  const metadata: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name === "ISTIO_METAJSON_LABELS") continue;
    if (name.startsWith("ISTIO_METAJSON_")) Object.assign(metadata, jsonObject(name, value));
    else if (name.startsWith("ISTIO_META_")) metadata[name.slice("ISTIO_META_".length)] = value;
  }
  return metadata;
}

function jsonObject(variable: string, text: string | undefined): JsonObject {
  if (text === undefined || text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RangeError(`${variable} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RangeError(`${variable} is not a JSON object`);
  }
  return value as JsonObject;
}

function hostAndPort(what: string, text: string): Destination {
  const match = /^\[?([^\s[\]]+?)\]?:(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || !(port > 0 && port < 65536))
    throw new RangeError(`${what} "${text}" is not host:port`);
  return { address: match[1], port };
}

/** A duration as Go and protobuf write it ("5s", "1m30s", "500ms"), in milliseconds. */
function duration(what: string, value: JsonValue | undefined, otherwise: number): number {
  const text = textOf(value);
  if (text === undefined) return otherwise;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) {
    throw new RangeError(`${what} "${text}" is not a duration`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ""] ?? 0), 0);
}

function metricsOf(annotations: JsonObject): AgentConfig["appMetrics"] {
  if (textOf(annotations["scrape"]) !== "true") return undefined;
  const port = Number(textOf(annotations["port"]) ?? "80");
  if (!(port > 0 && port < 65536)) return undefined;
  return { port, path: textOf(annotations["path"]) || "/metrics" };
}

function argument(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  if (at >= 0) return args[at + 1];
  return args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Annotations may hold whole manifests; those say nothing to discovery. */
function withoutLong(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([, value]) => value.length <= 4096));
}

function stringsOf(value: JsonValue | undefined): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]));
}

const textOf = (value: JsonValue | undefined) => (typeof value === "string" ? value : undefined);
const numberOf = (value: JsonValue | undefined) => (typeof value === "number" ? value : undefined);
