import { isJsonObject, type JsonObject } from "../../../kube/index.ts";
import type { InjectionSettings } from "./contracts.ts";

/** What templates take from the chart's values and MeshConfig, with the defaults of Istio's chart. */
export interface TemplateValues {
  readonly hub: string;
  readonly tag: string;
  /** "debug", "distroless" …: an ending of the tag; "" for none. */
  readonly variant: string;
  readonly imagePullPolicy: string;
  readonly imagePullSecrets: readonly string[];
  readonly clusterName: string;
  readonly network: string;
  readonly meshId: string;
  readonly trustDomain: string;
  readonly certificateProvider: string;
  /** "host:port" of the certificate authority. */
  readonly caAddress: string;
  readonly tokenAudience: string;
  /** Log level of the agent. */
  readonly logLevel: string;
  readonly logAsJson: boolean;
  readonly holdApplicationUntilProxyStarts: boolean;
  readonly isInjectedByDefault: boolean;
  /** The ports that outgoing and incoming connections are redirected to. */
  readonly listenPort: number;
  readonly inboundListenPort: number;
  readonly prometheusMerge: boolean;
  readonly proxyImage: string;
  readonly initImage: string;
  /** Chart values `global.proxy` as they are; read with `proxyValue`. */
  readonly proxy: JsonObject;
  readonly revision: string;
}

/** Default values of `global.proxy` in Istio's chart. */
const proxyDefaults: JsonObject = {
  clusterDomain: "cluster.local",
  componentLogLevel: "misc:error",
  excludeInboundPorts: "",
  includeInboundPorts: "*",
  includeIPRanges: "*",
  excludeIPRanges: "",
  includeOutboundPorts: "",
  excludeOutboundPorts: "",
  logLevel: "warning",
  privileged: false,
  readinessFailureThreshold: 4,
  readinessInitialDelaySeconds: 0,
  readinessPeriodSeconds: 15,
  statusPort: 15020,
  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2", memory: "1Gi" } },
};

/** Reads the settings for templates. Values of a wrong type count as absent. */
export function readTemplateValues(settings: InjectionSettings): TemplateValues {
  const { global, meshConfig, systemNamespace } = settings;
  const proxy = { ...proxyDefaults, ...withoutNull(section(global, "proxy")) };
  const trustDomain = text(meshConfig["trustDomain"], text(global["trustDomain"], "cluster.local"));
  const revision = settings.revision === "" ? "default" : settings.revision;
  return {
    hub: text(global["hub"], "docker.io/istio"),
    tag: text(global["tag"], "latest"),
    variant: text(global["variant"], ""),
    imagePullPolicy: text(global["imagePullPolicy"], ""),
    imagePullSecrets: list(global["imagePullSecrets"]).filter((name) => typeof name === "string"),
    clusterName: text(section(global, "multiCluster")["clusterName"], "Kubernetes"),
    network: text(global["network"], ""),
    meshId: text(global["meshID"], trustDomain),
    trustDomain,
    certificateProvider: text(global["pilotCertProvider"], "istiod"),
    caAddress: text(global["caAddress"], istiodAddress(revision, systemNamespace)),
    tokenAudience: text(section(section(global, "sds"), "token")["aud"], "istio-ca"),
    logLevel: text(section(global, "logging")["level"], "default:info"),
    logAsJson: global["logAsJson"] === true,
    holdApplicationUntilProxyStarts: proxy["holdApplicationUntilProxyStarts"] === true,
    isInjectedByDefault: proxy["autoInject"] !== "disabled",
    listenPort: port(meshConfig["proxyListenPort"], 15001),
    inboundListenPort: port(meshConfig["proxyInboundListenPort"], 15006),
    prometheusMerge: meshConfig["enablePrometheusMerge"] !== false,
    proxyImage: text(proxy["image"], "proxyv2"),
    initImage: text(section(global, "proxy_init")["image"], "proxyv2"),
    proxy,
    revision,
  };
}

/** Where proxies find the control plane of a revision. */
export function istiodAddress(revision: string, systemNamespace: string): string {
  return `${revision === "default" ? "istiod" : `istiod-${revision}`}.${systemNamespace}.svc:15012`;
}

function section(values: JsonObject, name: string): JsonObject {
  const value = values[name];
  return isJsonObject(value) ? value : {};
}

function withoutNull(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function text(value: unknown, otherwise: string): string {
  return (typeof value === "string" && value !== "") || typeof value === "number" ? String(value) : otherwise;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function port(value: unknown, otherwise: number): number {
  return typeof value === "number" && value > 0 && value < 65536 ? value : otherwise;
}
