import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ApiConfigSource_ApiType, ApiVersion } from "../../xds/gen/envoy/config/core/v3/config_source_pb.js";
import { RawBufferSchema } from "../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  type TlsParameters,
  TlsParameters_TlsProtocol,
  TlsParametersSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  type CommonTlsContext,
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { MeshConfig } from "./mesh-config.ts";
import { any, lazy, milliseconds } from "./proto.ts";

/** A secret that the agent beside the proxy hands out: a file. Nothing is held up for it. */
export function fileSecret(name: string): SdsSecretConfig {
  return agentSecret(name, false);
}

function agentSecret(name: string, waits: boolean): SdsSecretConfig {
  return create(SdsSecretConfigSchema, {
    name,
    sdsConfig: {
      configSourceSpecifier: {
        case: "apiConfigSource",
        value: {
          apiType: ApiConfigSource_ApiType.GRPC,
          transportApiVersion: ApiVersion.V3,
          setNodeOnFirstMessageOnly: true,
          grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: "sds-grpc" } } }],
        },
      },
      ...(waits ? { initialFetchTimeout: milliseconds(0) } : {}),
      resourceApiVersion: ApiVersion.V3,
    },
  });
}

/** A secret that the control plane hands out over ADS: what gateways name by credentialName. */
export function controlPlaneSecret(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, {
    name,
    sdsConfig: {
      // Without a timeout of 0, as Istio has it: a Secret that is missing must not hold up all of a gateway's listeners.
      configSourceSpecifier: { case: "ads", value: {} },
      resourceApiVersion: ApiVersion.V3,
    },
  });
}

/** The workload's certificate and the mesh's root, from the agent. */
export const workloadSecret = lazy(() => agentSecret("default", true));
export const rootSecret = lazy(() => agentSecret("ROOTCA", true));

const exact = (value: string) => ({ matchPattern: { case: "exact" as const, value } });

/** TLS to another workload of the mesh, which must have one of the `identities` (any when empty). */
export function meshClientContext(identities: readonly string[], sni: string, alpn: readonly string[]): Any {
  return any(UpstreamTlsContextSchema, {
    commonTlsContext: meshCommon(identities.map(exact), alpn, clientParameters()),
    sni,
  });
}

/** TLS that only workloads of the mesh's trust domains can open; of any when istiod is told not to look. */
export function meshServerContext(mesh: MeshConfig, alpn: readonly string[]): Any {
  const domains = mesh.validatesTrustDomain ? [mesh.trustDomain, ...mesh.trustDomainAliases] : [];
  const prefixes = domains.map((domain) => ({
    matchPattern: { case: "prefix" as const, value: `spiffe://${domain}/` },
  }));
  return any(DownstreamTlsContextSchema, {
    commonTlsContext: meshCommon(prefixes, alpn, serverParameters(mesh)),
    requireClientCertificate: true,
  });
}

function meshCommon(
  names: readonly { readonly matchPattern: { readonly case: "exact" | "prefix"; readonly value: string } }[],
  alpn: readonly string[],
  tlsParams: TlsParameters,
): CommonTlsContext {
  return create(CommonTlsContextSchema, {
    tlsParams,
    tlsCertificateSdsSecretConfigs: [workloadSecret()],
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: {
          matchSubjectAltNames: names.map((name) => ({ matchPattern: { ...name.matchPattern } })),
        },
        validationContextSdsSecretConfig: rootSecret(),
      },
    },
    alpnProtocols: [...alpn],
  });
}

/** TLS versions that clients of the mesh use; `more` for servers outside. */
export function clientParameters(more: ReturnType<typeof tlsDefaultFields> = {}): TlsParameters {
  return create(TlsParametersSchema, {
    ...more,
    tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
    tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  });
}

const meshCiphers = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

function serverParameters({ meshMtls }: MeshConfig): TlsParameters {
  return create(TlsParametersSchema, {
    tlsMinimumProtocolVersion:
      meshMtls.minProtocolVersion === "TLSV1_3"
        ? TlsParameters_TlsProtocol.TLSv1_3
        : TlsParameters_TlsProtocol.TLSv1_2,
    tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
    cipherSuites: meshMtls.cipherSuites.length > 0 ? [...meshMtls.cipherSuites] : meshCiphers,
  });
}

/** What the mesh says about TLS that is not its own, as fields of TlsParameters. */
export function tlsDefaultFields({
  tlsDefaults,
}: MeshConfig): Pick<MessageInitShape<typeof TlsParametersSchema>, "cipherSuites" | "ecdhCurves"> {
  return {
    ...(tlsDefaults.cipherSuites.length === 0 ? {} : { cipherSuites: [...tlsDefaults.cipherSuites] }),
    ...(tlsDefaults.ecdhCurves.length === 0 ? {} : { ecdhCurves: [...tlsDefaults.ecdhCurves] }),
  };
}

/** A transport socket that speaks TLS as the context says. */
export function tlsSocket(context: Any): TransportSocket {
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: context },
  });
}

export const rawBuffer = lazy(() =>
  create(TransportSocketSchema, {
    name: "envoy.transport_sockets.raw_buffer",
    configType: { case: "typedConfig", value: any(RawBufferSchema) },
  }),
);
