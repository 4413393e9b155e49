import {
  type FieldTable,
  noEffect,
  noEffectAnywhere,
  notRun,
  refusedByIstio,
  run,
  runExcept,
  under,
} from "./field-entry.ts";

const portPolicy: FieldTable = {
  "outlierDetection.consecutiveErrors": noEffectAnywhere(
    "Istio reads it no longer: consecutive5xxErrors and consecutiveGatewayErrors took its place",
  ),
  "tls.credentialName": runExcept({
    "configmap://…":
      "certificates are read from Secrets alone here; put the authority into key ca.crt of one",
  }),
};

const trafficPolicy: FieldTable = {
  ...portPolicy,
  ...under("portLevelSettings[]", portPolicy),
};

const destinationRule: FieldTable = {
  "": run,
  ...under("trafficPolicy", trafficPolicy),
  ...under("subsets[].trafficPolicy", trafficPolicy),
};

const virtualService: FieldTable = {
  "": run,
  "http[].fault.abort.http2Error": refusedByIstio(
    "HTTP/2 abort fault injection not supported yet: use httpStatus",
  ),
  "http[].fault.delay.exponentialDelay": refusedByIstio("exponentialDelay not supported yet: use fixedDelay"),
  "tcp[].match[].sourceSubnet": noEffectAnywhere("Istio does not read it"),
};

const gateway: FieldTable = {
  "": run,
  "servers[].defaultEndpoint": noEffectAnywhere("Istio does not read it: routes come from VirtualServices"),
  "servers[].port.targetPort": refusedByIstio("targetPort has no impact on Gateways"),
  "servers[].tls.tlsCertificates[].caCertificates": noEffectAnywhere(
    "clients' certificates are checked with servers[].tls.caCertificates",
  ),
};

/** Limits of a pod's own ports, which its proxy keeps towards the program. */
const ownPool: FieldTable = {
  "http.h2UpgradePolicy": noEffectAnywhere(
    "it says how callers reach a port: Istio reads it in DestinationRules",
  ),
};

/** Sockets are files of a pod, and proxies here have none in common with its apps. */
const noSockets = runExcept({ "unix://…": "unix sockets are not run here; use an address and a port" });

const sidecar: FieldTable = {
  "": run,
  "egress[].bind": noSockets,
  "ingress[].defaultEndpoint": noSockets,
  ...under("inboundConnectionPool", ownPool),
  ...under("ingress[].connectionPool", ownPool),
  "egress[].port.targetPort": refusedByIstio("targetPort has no impact on Sidecars"),
  "ingress[].port.name": noEffectAnywhere("a name for readers"),
  "ingress[].port.targetPort": refusedByIstio("targetPort has no impact on Sidecars"),
  "ingress[].tls": notRun(
    "PeerAuthentication protects the port within the mesh, a Gateway ends TLS from outside",
  ),
};

const serviceEntry: FieldTable = {
  "": run,
  "endpoints[].address": noSockets,
  resolution: runExcept({
    DYNAMIC_DNS: "DYNAMIC_DNS is not run here; use NONE, or DNS with the hosts' own names",
  }),
};

const authorizationPolicy: FieldTable = {
  "": run,
  action: runExcept({
    CUSTOM:
      "CUSTOM is not run here; say by ALLOW and DENY who may call, or ask the authorizer in the service itself",
  }),
  provider: notRun("nobody outside the mesh is asked whether a request may pass"),
};

const metrics = noEffect("it shapes metrics alone, requests are answered the same");

const telemetry: FieldTable = {
  "": run,
  "metrics[].overrides[].tagOverrides": metrics,
  "metrics[].reportingInterval": metrics,
};

const foreignCode = notRun("proxies take no code of others: put what it does into the services");

/** What becomes of every field of every kind of Istio. */
export const fieldTables: Readonly<Record<string, FieldTable>> = {
  AuthorizationPolicy: authorizationPolicy,
  DestinationRule: destinationRule,
  EnvoyFilter: {
    "": notRun(
      "say it by VirtualService, DestinationRule, Sidecar or Telemetry, of which Envoy's configuration is made",
    ),
  },
  Gateway: gateway,
  PeerAuthentication: { "": run },
  ProxyConfig: { "": notRun("write the same into annotation proxy.istio.io/config of the pods") },
  RequestAuthentication: { "": run },
  ServiceEntry: serviceEntry,
  Sidecar: sidecar,
  Telemetry: telemetry,
  TrafficExtension: { "": foreignCode },
  VirtualService: virtualService,
  WasmPlugin: { "": foreignCode },
  WorkloadEntry: { "": run, address: noSockets },
  WorkloadGroup: {
    "": noEffect(
      "it is a template for machines that join by themselves, which none does here: write WorkloadEntries",
    ),
  },
};
