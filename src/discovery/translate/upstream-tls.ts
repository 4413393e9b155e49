import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Protocol } from "../../kube/index.ts";
import { Cluster_TransportSocketMatchSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { UpstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { type ClusterDraft, httpDraft, isOriginalDst } from "./cluster-policy.ts";
import type { ClientTls, PortPolicy } from "./config-types.ts";
import { meshAlpn } from "./filters.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { any, optional } from "./proto.ts";
import { isHttp, isHttp2 } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import type { MeshService } from "./services.ts";
import {
  clientParameters,
  controlPlaneSecret,
  fileSecret,
  meshClientContext,
  rawBuffer,
  tlsDefaultFields,
  tlsSocket,
} from "./tls-contexts.ts";
import { endpointsOf, type World } from "./world.ts";

interface UpstreamTls {
  readonly world: World;
  readonly scope: Scope;
  readonly proxy: ProxyNode;
  readonly service: MeshService;
  readonly protocol: Protocol;
  readonly policy: PortPolicy | undefined;
  readonly sni: string;
  readonly identities: readonly string[];
  readonly hasSelector: boolean;
}

/**
 * How connections of a cluster are secured: as the DestinationRule says, else mTLS with every endpoint that
 * can (told apart by the endpoint's metadata), else in the clear.
 */
export function applyUpstreamTls(draft: ClusterDraft, options: UpstreamTls): void {
  const { cluster } = draft;
  const { policy, scope, service, sni, identities } = options;
  const tls = policy?.tls;
  if (tls !== undefined) {
    const context = ruleContext(draft, tls, options);
    if (context !== undefined) cluster.transportSocket = tlsSocket(context);
    return;
  }
  const { mesh, peerPolicies } = scope.rules;
  if (service.isExternal || !mesh.enableAutoMtls || isPlainBySelf(options)) return;
  if ((peerPolicies.namespaceMode(service.namespace) ?? "PERMISSIVE") === "DISABLE") return;
  const socket = meshSocket(service, identities, sni, upstreamAlpn(draft, options));
  if (isOriginalDst(cluster)) {
    cluster.transportSocket = socket;
    return;
  }
  cluster.transportSocketMatches = [
    create(Cluster_TransportSocketMatchSchema, {
      name: "tlsMode-istio",
      match: { tlsMode: "istio" },
      transportSocket: socket,
    }),
    create(Cluster_TransportSocketMatchSchema, {
      name: "tlsMode-disabled",
      match: {},
      transportSocket: rawBuffer(),
    }),
  ];
}

const sockets = new WeakMap<MeshService, Map<string, TransportSocket>>();

/** The mesh's TLS to a service: the same object as long as it says the same. */
function meshSocket(
  service: MeshService,
  identities: readonly string[],
  sni: string,
  alpn: readonly string[],
): TransportSocket {
  let known = sockets.get(service);
  if (known === undefined) {
    known = new Map();
    sockets.set(service, known);
  }
  const key = [sni, ...alpn, ...identities].join(" ");
  let socket = known.get(key);
  if (socket === undefined) {
    socket = tlsSocket(meshClientContext(identities, sni, alpn));
    if (known.size >= mostSockets) known.clear();
    known.set(key, socket);
  }
  return socket;
}

/** By subset, port and kind of proxy; more than that come from accounts that keep changing. */
const mostSockets = 100;

/** A service dialled by pod address has one transport for all pods: plain when one of them has no sidecar. */
function isPlainBySelf({ world, service, policy, scope }: UpstreamTls): boolean {
  if (service.resolution !== "passthrough" && policy?.loadBalancer?.simple !== "PASSTHROUGH") return false;
  const { endpoints } = endpointsOf(world, service);
  if (endpoints.length === 0) return true;
  return endpoints.some(
    (endpoint) =>
      endpoint.tlsMode !== "istio" ||
      scope.rules.peerPolicies.forWorkload(endpoint.namespace, endpoint.labels).modeForPort(endpoint.port) ===
        "DISABLE",
  );
}

/** ALPN that tells the receiving sidecar what comes. Stock Envoy can't choose by request, so its clusters choose by port. */
function upstreamAlpn(draft: ClusterDraft, { proxy, protocol }: UpstreamTls): readonly string[] {
  const isH2 = draft.http?.version === "http2";
  if (!proxy.isStock) return isH2 ? [...meshAlpn.tcp, "h2"] : meshAlpn.tcp;
  if (isH2 || isHttp2(protocol)) return meshAlpn.http2;
  return isHttp(protocol) || protocol === "" ? meshAlpn.http11 : meshAlpn.tcp;
}

function ruleContext(draft: ClusterDraft, tls: ClientTls, options: UpstreamTls): Any | undefined {
  const { proxy, identities, sni, service } = options;
  const usesSecret = tls.credentialName !== undefined && tls.credentialName !== "";
  const simple = tls.mode === "SIMPLE" || tls.mode === "MUTUAL";
  // Sidecars may read Secrets only for rules that select their own workload.
  if (
    simple &&
    usesSecret &&
    proxy.type === "sidecar" &&
    !options.hasSelector &&
    !tls.credentialName?.startsWith("configmap://")
  )
    return undefined;
  switch (tls.mode) {
    case "ISTIO_MUTUAL":
      return meshClientContext(
        tls.subjectAltNames ?? identities,
        tls.sni || sni || draft.cluster.name,
        upstreamAlpn(draft, options),
      );
    case "SIMPLE":
    case "MUTUAL":
      return plainTlsContext(draft, tls, service, identities, options.scope.rules.mesh);
    default:
      return undefined;
  }
}

/**
 * TLS as the outside world speaks it. Names are checked against SNI unless the rule lists its own. Undefined when
 * the rule lacks the certificate that it wants shown.
 */
function plainTlsContext(
  draft: ClusterDraft,
  tls: ClientTls,
  service: MeshService,
  identities: readonly string[],
  mesh: MeshConfig,
): Any | undefined {
  const isMutual = tls.mode === "MUTUAL";
  const hasFiles = (tls.clientCertificate ?? "") !== "" && (tls.privateKey ?? "") !== "";
  if (isMutual && (tls.credentialName ?? "") === "" && !hasFiles) return undefined;
  const hasSni = (tls.sni ?? "") !== "";
  if (!hasSni) httpDraft(draft).autoSni = true;
  if (!hasSni && (tls.subjectAltNames ?? []).length === 0 && tls.insecureSkipVerify !== true)
    httpDraft(draft).autoSanValidation = true;
  const written = tls.subjectAltNames ?? [];
  const names = written.length === 0 && service.registry === "External" ? identities : written;
  const crl =
    (tls.caCrl ?? "") === ""
      ? undefined
      : { specifier: { case: "filename" as const, value: tls.caCrl ?? "" } };
  const matchSubjectAltNames = names.map((value) => ({ matchPattern: { case: "exact" as const, value } }));
  const credential =
    tls.credentialName === undefined || tls.credentialName === ""
      ? undefined
      : secretName(tls.credentialName);
  const files = `file-cert:${tls.clientCertificate}~${tls.privateKey}`;
  const certificates = !isMutual
    ? []
    : [credential === undefined ? fileSecret(files) : controlPlaneSecret(credential)];
  const root =
    credential === undefined
      ? fileSecret(`file-root:${tls.caCertificates || "system"}`)
      : controlPlaneSecret(`${credential}-cacert`);
  return any(UpstreamTlsContextSchema, {
    commonTlsContext: {
      tlsParams: clientParameters(tlsDefaultFields(mesh)),
      tlsCertificateSdsSecretConfigs: certificates,
      validationContextType:
        tls.insecureSkipVerify === true
          ? { case: "validationContext", value: {} }
          : {
              case: "combinedValidationContext",
              value: {
                defaultValidationContext: { matchSubjectAltNames, ...optional("crl", crl) },
                validationContextSdsSecretConfig: root,
              },
            },
      alpnProtocols: draft.http?.version === "http2" ? ["h2"] : [],
    },
    sni: tls.sni ?? "",
  });
}

/** The name under which the control plane hands out a Secret: "kubernetes://name" unless it says where it is itself. */
export function secretName(credentialName: string): string {
  return /^(kubernetes|kubernetes-gateway|configmap):\/\//.test(credentialName)
    ? credentialName
    : `kubernetes://${credentialName}`;
}

/** Marks a cluster on which Istio's ALPN filter must keep its hands off: TLS there is not the mesh's. */
export function overridesAlpn(tls: ClientTls | undefined): boolean {
  return tls?.mode === "SIMPLE" || tls?.mode === "MUTUAL";
}
