import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { HttpConnectionManager_ForwardClientCertDetails } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { readTracingSettings, type TracingSettings } from "./tracing-settings.ts";

/** What a proxy's ProxyConfig (MeshConfig's defaultConfig and the pod's annotation) says of its listeners. */
export interface ProxySettings {
  /** Undefined: it reports no ProxyConfig, and MeshConfig's holds. */
  readonly tracing?: TracingSettings;
  /** How many proxies in front of a gateway are believed what they say of the client's address. */
  readonly trustedProxies?: number;
  /** What a gateway does with x-forwarded-client-cert. */
  readonly gatewayClientCert?: HttpConnectionManager_ForwardClientCertDetails;
  /** The same for requests that come in to an app. */
  readonly inboundClientCert?: HttpConnectionManager_ForwardClientCertDetails;
  /** Header `server` of answers; "" leaves the app's. */
  readonly serverName?: string;
  /** Set where proxies make no x-request-id. */
  readonly hasNoRequestId?: true;
}

/** Reads metadata PROXY_CONFIG of a proxy's node. Values that are none of ProxyConfig count as absent. */
export function readProxySettings(value: JsonValue | undefined): ProxySettings {
  const config = object(value);
  const topology = object(config["gatewayTopology"]);
  const headers = object(config["proxyHeaders"]);
  const server = object(headers["server"]);
  const trusted = topology["numTrustedProxies"];
  const gatewayClientCert = details(topology["forwardClientCertDetails"]);
  const inboundClientCert = details(headers["forwardedClientCert"]);
  return {
    ...(value === undefined ? {} : { tracing: readTracingSettings(config["tracing"]) }),
    ...(typeof trusted === "number" && trusted > 0 ? { trustedProxies: trusted } : {}),
    ...(gatewayClientCert === undefined ? {} : { gatewayClientCert }),
    ...(inboundClientCert === undefined ? {} : { inboundClientCert }),
    ...(server["disabled"] === true
      ? { serverName: "" }
      : typeof server["value"] === "string" && server["value"] !== ""
        ? { serverName: server["value"] }
        : {}),
    ...(object(headers["requestId"])["disabled"] === true ? { hasNoRequestId: true as const } : {}),
  };
}

function object(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

const known: Readonly<Record<string, HttpConnectionManager_ForwardClientCertDetails>> = {
  SANITIZE: HttpConnectionManager_ForwardClientCertDetails.SANITIZE,
  FORWARD_ONLY: HttpConnectionManager_ForwardClientCertDetails.FORWARD_ONLY,
  APPEND_FORWARD: HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD,
  SANITIZE_SET: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
  ALWAYS_FORWARD_ONLY: HttpConnectionManager_ForwardClientCertDetails.ALWAYS_FORWARD_ONLY,
};

function details(value: JsonValue | undefined): HttpConnectionManager_ForwardClientCertDetails | undefined {
  return typeof value === "string" ? known[value] : undefined;
}
