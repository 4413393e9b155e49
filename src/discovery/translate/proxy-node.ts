import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Node } from "../../xds/gen/envoy/config/core/v3/base_pb.js";

import { type ProxySettings, readProxySettings } from "./proxy-settings.ts";

/** What a proxy says about itself, read from the Node of its first request. */
export interface ProxyNode {
  readonly id: string;
  readonly type: "sidecar" | "router";
  readonly clusterId: string;
  readonly namespace: string;
  /** Name of the pod. */
  readonly name: string;
  readonly serviceAccount: string;
  readonly addresses: readonly string[];
  /** "" when it reports none: then even its own cluster's endpoints are reached by gateway. */
  readonly network: string;
  /** Networks that it wants to see; undefined: all. */
  readonly networkView: ReadonlySet<string> | undefined;
  readonly locality: { readonly region: string; readonly zone: string; readonly subzone: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** What it calls the service that it belongs to, for traces: "app.namespace". */
  readonly serviceCluster: string;
  readonly workloadName: string;
  readonly meshId: string;
  /** "sample.svc.cluster.local" */
  readonly dnsDomain: string;
  readonly interception: "REDIRECT" | "TPROXY" | "NONE";
  /** Whether names are answered beside the proxy, so that addresses nobody else knows can be used. */
  readonly dnsCapture: boolean;
  /** Families of the proxy's own addresses, which are all that it can reach. */
  readonly ipFamily: "v4" | "v6" | "dual";
  readonly unprivileged: boolean;
  readonly istioVersion: string;
  /** An Envoy without Istio's own filters: it listed its extensions and they are not among them. */
  readonly isStock: boolean;
  readonly generator: string;
  readonly settings: ProxySettings;
}

/** Reads a Node. Throws an Error that says what is wrong when the id has not Istio's form "type~address~name.namespace~domain". */
export function parseProxyNode(node: Node): ProxyNode {
  const [type, address = "", fullName = "", dnsDomain = "", ...rest] = node.id.split("~");
  if ((type !== "sidecar" && type !== "router") || dnsDomain === "" || rest.length > 0) {
    throw new Error(
      `node id "${node.id.slice(0, 200)}" is not "sidecar|router~address~name.namespace~domain"`,
    );
  }
  const metadata = node.metadata ?? {};
  const dot = fullName.lastIndexOf(".");
  const namespace = text(metadata["NAMESPACE"]) || (dot < 0 ? "" : fullName.slice(dot + 1));
  const view = text(metadata["REQUESTED_NETWORK_VIEW"]);
  const instanceIps = text(metadata["INSTANCE_IPS"]);
  const interception = text(metadata["INTERCEPTION_MODE"]);
  const addresses = instanceIps === "" ? [address] : instanceIps.split(",");
  return {
    id: node.id,
    type,
    clusterId: text(metadata["CLUSTER_ID"]),
    namespace,
    name: text(metadata["NAME"]) || (dot < 0 ? fullName : fullName.slice(0, dot)),
    serviceAccount: text(metadata["SERVICE_ACCOUNT"]),
    addresses,
    ipFamily: familyOf(addresses),
    network: text(metadata["NETWORK"]),
    networkView: view === "" ? undefined : new Set(view.split(",").map((name) => name.trim())),
    locality: {
      region: node.locality?.region ?? "",
      zone: node.locality?.zone ?? "",
      subzone: node.locality?.subZone ?? "",
    },
    labels: texts(metadata["LABELS"]),
    annotations: texts(metadata["ANNOTATIONS"]),
    serviceCluster: node.cluster,
    workloadName: text(metadata["WORKLOAD_NAME"]),
    meshId: text(metadata["MESH_ID"]),
    dnsDomain,
    interception: interception === "TPROXY" || interception === "NONE" ? interception : "REDIRECT",
    dnsCapture: text(metadata["DNS_CAPTURE"]) === "true",
    unprivileged: text(metadata["UNPRIVILEGED_POD"]) === "true",
    istioVersion: text(metadata["ISTIO_VERSION"]),
    isStock: node.extensions.length > 0 && !node.extensions.some(({ name }) => name === "istio.alpn"),
    generator: text(metadata["GENERATOR"]),
    settings: readProxySettings(metadata["PROXY_CONFIG"]),
  };
}

/** Whether a proxy is of Istio `version` ("1.29") or newer. One that says no version it can be told by is new. */
export function isAtLeast({ istioVersion }: ProxyNode, version: string): boolean {
  const [, major = "", minor = ""] = /^v?(\d+)\.(\d+)/.exec(istioVersion) ?? [];
  if (major === "") return true;
  const [wantedMajor = 0, wantedMinor = 0] = version.split(".").map(Number);
  return Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
}

function familyOf(addresses: readonly string[]): ProxyNode["ipFamily"] {
  const v6 = addresses.filter((address) => address.includes(":")).length;
  if (v6 === 0) return "v4";
  return v6 === addresses.length ? "v6" : "dual";
}

const text = (value: JsonValue | undefined) =>
  typeof value === "string" ? value : typeof value === "boolean" ? String(value) : "";

function texts(value: JsonValue | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object(value)).flatMap(([name, text]) => (typeof text === "string" ? [[name, text]] : [])),
  );
}

function object(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
