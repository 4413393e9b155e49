import { parse } from "yaml";
import { isJsonObject, type JsonObject } from "../../../kube/index.ts";
import type { InjectionSettings } from "./contracts.ts";
import { istiodAddress } from "./template-values.ts";

/** Where a proxy looks for its control plane when its configuration doesn't say. */
const defaultDiscoveryAddress = "istiod.istio-system.svc:15012";

/** Istio's ProxyConfig of one pod. */
export interface ProxyConfig {
  /** Without what proxies take for granted; the content of PROXY_CONFIG. */
  readonly fields: JsonObject;
  /** `proxyMetadata`: variables of the proxy. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly interceptionMode: string;
  readonly holdApplicationUntilProxyStarts: boolean;
  readonly statusPort: number;
  /** "" unless the configuration names a variant of the image. */
  readonly imageType: string;
}

/** What a proxy assumes of fields that are absent. */
const proxyDefaults: JsonObject = {
  configPath: "./etc/istio/proxy",
  binaryPath: "/usr/local/bin/envoy",
  serviceCluster: "istio-proxy",
  drainDuration: "45s",
  terminationDrainDuration: "5s",
  proxyAdminPort: 15000,
  controlPlaneAuthPolicy: "MUTUAL_TLS",
  discoveryAddress: defaultDiscoveryAddress,
  statNameLength: 189,
  statusPort: 15020,
  interceptionMode: "REDIRECT",
};

/**
 * The mesh's defaultConfig with the pod's annotation proxy.istio.io/config (YAML) over it. Throws RangeError when
 * the annotation can't be read.
 */
export function proxyConfigOf(settings: InjectionSettings, annotation: string | undefined): ProxyConfig {
  const defaults = settings.meshConfig["defaultConfig"];
  const revision = settings.revision === "" ? "default" : settings.revision;
  const whole = merge(
    {
      discoveryAddress: istiodAddress(revision, settings.systemNamespace),
      ...(isJsonObject(defaults) ? defaults : {}),
    },
    annotation === undefined ? {} : parseAnnotation(annotation),
  );
  const metadata = isJsonObject(whole["proxyMetadata"]) ? whole["proxyMetadata"] : {};
  const { image, interceptionMode, statusPort } = whole;
  const imageType = isJsonObject(image) ? image["imageType"] : undefined;
  const fields = Object.entries(whole).filter(
    ([name, value]) => value !== null && value !== proxyDefaults[name] && !isEmpty(value),
  );
  return {
    fields: Object.fromEntries(fields),
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, String(value)])),
    interceptionMode: typeof interceptionMode === "string" ? interceptionMode : "REDIRECT",
    holdApplicationUntilProxyStarts: whole["holdApplicationUntilProxyStarts"] === true,
    statusPort: typeof statusPort === "number" ? statusPort : 15020,
    imageType: typeof imageType === "string" ? imageType : "",
  };
}

function parseAnnotation(text: string): JsonObject {
  let value: unknown;
  try {
    value = parse(text, { logLevel: "error" });
  } catch (reason) {
    throw new RangeError(`annotation proxy.istio.io/config is not YAML: ${String(reason).split("\n")[0]}`);
  }
  if (value === null || value === undefined) return {};
  if (!isJsonObject(value)) throw new RangeError("annotation proxy.istio.io/config is not a map of fields");
  return value;
}

/** `over` laid on `base`, messages and maps field by field. */
function merge(base: JsonObject, over: JsonObject): JsonObject {
  const merged = Object.entries(over).map(([name, value]) => {
    const present = base[name];
    return [name, isJsonObject(present) && isJsonObject(value) ? merge(present, value) : value];
  });
  return { ...base, ...Object.fromEntries(merged) };
}

function isEmpty(value: unknown): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0;
}
