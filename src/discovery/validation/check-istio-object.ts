import { isJsonObject, type JsonObject } from "../../kube/index.ts";
import { checkFields } from "./check-fields.ts";
import { checkMetadata } from "./check-metadata.ts";
import { createConfigField } from "./config-field.ts";
import type { KindCheck, ValidationProblem } from "./contracts.ts";
import { fieldTables } from "./fields/field-tables.ts";
import { checkAuthorizationPolicy } from "./kinds/authorization-policy.ts";
import { checkDestinationRule } from "./kinds/destination-rule.ts";
import { checkEnvoyFilter } from "./kinds/envoy-filter.ts";
import { checkTrafficExtension, checkWasmPlugin } from "./kinds/extensions.ts";
import { checkGateway } from "./kinds/gateway.ts";
import { checkPeerAuthentication } from "./kinds/peer-authentication.ts";
import { checkProxyConfig } from "./kinds/proxy-config.ts";
import { checkRequestAuthentication } from "./kinds/request-authentication.ts";
import { checkServiceEntry } from "./kinds/service-entry.ts";
import { checkSidecar } from "./kinds/sidecar.ts";
import { checkTelemetry } from "./kinds/telemetry.ts";
import { checkVirtualService } from "./kinds/virtual-service.ts";
import { checkWorkloadEntry } from "./kinds/workload-entry.ts";
import { checkWorkloadGroup } from "./kinds/workload-group.ts";

const checks: Readonly<Record<string, KindCheck>> = {
  AuthorizationPolicy: checkAuthorizationPolicy,
  DestinationRule: checkDestinationRule,
  EnvoyFilter: checkEnvoyFilter,
  Gateway: checkGateway,
  PeerAuthentication: checkPeerAuthentication,
  ProxyConfig: checkProxyConfig,
  RequestAuthentication: checkRequestAuthentication,
  ServiceEntry: checkServiceEntry,
  Sidecar: checkSidecar,
  Telemetry: checkTelemetry,
  TrafficExtension: checkTrafficExtension,
  VirtualService: checkVirtualService,
  WasmPlugin: checkWasmPlugin,
  WorkloadEntry: checkWorkloadEntry,
  WorkloadGroup: checkWorkloadGroup,
};

/**
 * Everything that istiod's webhook has to say of an Istio object, in any of its versions: what Istio refuses and warns
 * of beyond the object's schema, and what is not run here. Undefined for kinds that are not Istio's. `namespace` is that
 * of an object that names none itself.
 */
export function checkIstioObject(
  object: JsonObject,
  namespace = "",
): readonly ValidationProblem[] | undefined {
  const { kind, metadata, spec } = object;
  const [group = ""] = String(object["apiVersion"]).split("/");
  if (typeof kind !== "string") return undefined;
  if (group === "gateway.networking.k8s.io")
    return [{ severity: "error", path: "", message: gatewayApi(kind) }];
  const check = group.endsWith(".istio.io") && Object.hasOwn(checks, kind) ? checks[kind] : undefined;
  if (check === undefined) return undefined;
  const problems: ValidationProblem[] = [];
  const checked = {
    kind,
    name: textOf(metadata, "name"),
    namespace: textOf(metadata, "namespace") || namespace,
    labels: textsOf(metadata, "labels"),
    annotations: textsOf(metadata, "annotations"),
    spec: createConfigField(spec ?? {}, "spec", problems),
  };
  problems.push(...checkMetadata(checked));
  check(checked);
  checkFields(kind, checked.spec, fieldTables[kind] ?? {});
  return problems;
}

function gatewayApi(kind: string): string {
  return `${kind} of the Gateway API is not run here; use Gateway and VirtualService of networking.istio.io`;
}

function textOf(metadata: unknown, name: string): string {
  const value = isJsonObject(metadata) ? metadata[name] : undefined;
  return typeof value === "string" ? value : "";
}

function textsOf(metadata: unknown, name: string): Readonly<Record<string, string>> {
  const value = isJsonObject(metadata) ? metadata[name] : undefined;
  return isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]))
    : {};
}
