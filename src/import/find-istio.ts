import { parse } from "yaml";
import {
  type ConfigMap,
  type Deployment,
  isJsonObject,
  type JsonObject,
  type KubeObject,
  networkLabel,
  systemNamespace,
} from "../kube/index.ts";
import type { LiveCluster } from "./read-live.ts";

/** What of Istio is found in a cluster. */
export interface FoundIstio {
  /** Whether a control plane runs there. */
  readonly hasControlPlane: boolean;
  readonly version: string | undefined;
  readonly revision: string | undefined;
  /** Names by which Istio knows the cluster and the mesh. */
  readonly clusterId: string | undefined;
  readonly meshId: string | undefined;
  readonly network: string | undefined;
  readonly trustDomain: string | undefined;
  /** The cluster whose control plane its namespace names. */
  readonly controlPlane: string | undefined;
  /** Values of the istiod chart, as its release or an IstioOperator has them; of the ConfigMap where there is neither. */
  readonly values: JsonObject;
  readonly installedBy: "helm" | "istioctl" | undefined;
  /** Clusters whose remote credentials are there. */
  readonly reads: readonly string[];
}

/** What is found in Istio's namespace; undefined when there is none. */
export function findIstio({ objects, releases }: LiveCluster): FoundIstio | undefined {
  const namespace = objects.find(
    ({ kind, metadata }) => kind === "Namespace" && metadata.name === systemNamespace,
  );
  if (namespace === undefined) return undefined;
  const own = objects.filter(({ metadata }) => metadata.namespace === systemNamespace);
  const istiod = own.find(isIstiod);
  const container = istiod?.spec.template.spec.containers.find(({ name }) => name === "discovery");
  const release = releases.find(({ chart }) => chart.name === "istiod");
  const operator = own.find(({ kind }) => kind === "IstioOperator");
  const config = own.find(isMeshConfig);
  const injected = object(injectorValues(own)["global"]);
  const mesh = yamlObject(config?.data?.["mesh"]);
  const values =
    release?.values ??
    (operator === undefined ? configValues(mesh, config?.data?.["meshNetworks"]) : operatorValues(operator));
  const revision = text(values["revision"]) ?? istiod?.metadata.labels?.["istio.io/rev"];
  const version =
    release?.chart.version ??
    /:v?(\d+\.\d+[\w.-]*)/.exec(container?.image ?? "")?.[1]?.replace(/-(distroless|debug)$/, "");
  const primary = namespace.metadata.annotations?.["topology.istio.io/controlPlaneClusters"];
  const multiCluster = object(injected["multiCluster"]);
  return {
    hasControlPlane: istiod !== undefined,
    version,
    revision: revision === undefined || revision === "" || revision === "default" ? undefined : revision,
    clusterId:
      text(container?.env?.find(({ name }) => name === "CLUSTER_ID")?.value) ??
      text(multiCluster["clusterName"]),
    meshId: text(injected["meshID"]),
    network: namespace.metadata.labels?.[networkLabel] ?? text(injected["network"]),
    trustDomain: text(mesh["trustDomain"]) ?? text(object(values["meshConfig"])["trustDomain"]),
    controlPlane: primary?.split(",")[0],
    values,
    installedBy: release !== undefined ? "helm" : istiod !== undefined ? "istioctl" : undefined,
    reads: own.flatMap(credentialFor),
  };
}

function isIstiod(object: KubeObject): object is Deployment {
  return object.kind === "Deployment" && object.metadata.labels?.["app"] === "istiod";
}

function isMeshConfig(object: KubeObject): object is ConfigMap {
  return (
    object.kind === "ConfigMap" &&
    /^istio(-|$)/.test(object.metadata.name) &&
    isJsonObject(object["data"]) &&
    object["data"]["mesh"] !== undefined
  );
}

/** What the injector was given: it knows names that proxies report. */
function injectorValues(own: readonly KubeObject[]): JsonObject {
  const config = own.find(
    ({ kind, metadata }) => kind === "ConfigMap" && metadata.name.startsWith("istio-sidecar-injector"),
  ) as ConfigMap | undefined;
  return yamlObject(config?.data?.["values"]);
}

function operatorValues(operator: KubeObject): JsonObject {
  const spec = object(operator["spec"]);
  const meshConfig = object(spec["meshConfig"]);
  return {
    ...object(spec["values"]),
    ...(Object.keys(meshConfig).length === 0 ? {} : { meshConfig }),
    ...(text(spec["revision"]) === undefined ? {} : { revision: spec["revision"] }),
  };
}

/** Fields of Istio's ConfigMap that every installation has. */
const usual = new Set(["rootNamespace", "trustDomain", "defaultProviders", "enablePrometheusMerge"]);

function configValues(mesh: JsonObject, networks: string | undefined): JsonObject {
  const { defaultConfig, ...rest } = mesh;
  const { discoveryAddress: _, proxyMetadata, tracing: __, ...config } = object(defaultConfig);
  const metadata = object(proxyMetadata);
  const kept = {
    ...config,
    ...(Object.keys(metadata).length === 0 ? {} : { proxyMetadata: metadata }),
  };
  const meshConfig = {
    ...Object.fromEntries(Object.entries(rest).filter(([name]) => !usual.has(name))),
    ...(Object.keys(kept).length === 0 ? {} : { defaultConfig: kept }),
  };
  const meshNetworks = object(yamlObject(networks)["networks"]);
  return {
    ...(Object.keys(meshConfig).length === 0 ? {} : { meshConfig }),
    ...(Object.keys(meshNetworks).length === 0 ? {} : { global: { meshNetworks } }),
  };
}

function credentialFor({ kind, metadata, ...rest }: KubeObject): string[] {
  if (kind !== "Secret" || metadata.labels?.["istio/multiCluster"] !== "true") return [];
  return Object.keys(object((rest as JsonObject)["data"]));
}

function yamlObject(source: string | undefined): JsonObject {
  try {
    return object(source === undefined ? {} : parse(source));
  } catch {
    return {}; // What Istio itself can't read says nothing.
  }
}

function object(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
