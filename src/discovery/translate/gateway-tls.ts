import type { Any } from "@bufbuild/protobuf/wkt";
import {
  CertificateValidationContext_TrustChainVerification,
  TlsParameters_TlsProtocol,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { DownstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { knownCipherSuites } from "../cipher-suites.ts";
import type { ServerTls } from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { any, optional } from "./proto.ts";
import { controlPlaneSecret, fileSecret, rootSecret, workloadSecret } from "./tls-contexts.ts";
import { secretName } from "./upstream-tls.ts";

/**
 * TLS as a server of a Gateway ends it: with Secrets, with files, or, as mesh mTLS, with the workload's own
 * certificate. What comes out of it is HTTP or any other protocol.
 */
export function serverTlsContext(tls: ServerTls, carries: "http" | "tcp", mesh: MeshConfig): Any {
  const isMesh = tls.mode === "ISTIO_MUTUAL";
  const demands = tls.mode === "MUTUAL" || isMesh;
  const checks = demands || tls.mode === "OPTIONAL_MUTUAL";
  return any(DownstreamTlsContextSchema, {
    commonTlsContext: {
      ...optional("tlsParams", isMesh ? undefined : parameters(tls, mesh)),
      tlsCertificateSdsSecretConfigs: certificates(tls),
      ...validation(tls, checks),
      alpnProtocols:
        isMesh && carries === "tcp" ? ["istio-peer-exchange", "h2", "http/1.1"] : ["h2", "http/1.1"],
    },
    requireClientCertificate: demands,
  });
}

/** The Secrets that a server shows, as the Gateway names them. */
export function credentialsOf({ credentialNames = [], credentialName = "" }: ServerTls): readonly string[] {
  if (credentialNames.length > 0) return credentialNames;
  return credentialName === "" ? [] : [credentialName];
}

/** The Secret with the certificates that clients must be signed by; undefined when no Secret is named at all. */
export function authorityOf(tls: ServerTls): string | undefined {
  if ((tls.caCertCredentialName ?? "") !== "") return secretName(tls.caCertCredentialName ?? "");
  const [first] = credentialsOf(tls);
  return first === undefined ? undefined : `${secretName(first)}-cacert`;
}

function certificates(tls: ServerTls) {
  if (tls.mode === "ISTIO_MUTUAL") return [workloadSecret()];
  const secrets = credentialsOf(tls);
  if (secrets.length > 0) return secrets.map((name) => controlPlaneSecret(secretName(name)));
  const files = (tls.tlsCertificates ?? []).length > 0 ? (tls.tlsCertificates ?? []) : [tls];
  return files.map(({ serverCertificate = "", privateKey = "" }) =>
    serverCertificate === "" || privateKey === ""
      ? workloadSecret()
      : fileSecret(`file-cert:${serverCertificate}~${privateKey}`),
  );
}

function validation(tls: ServerTls, checks: boolean) {
  const names = (tls.subjectAltNames ?? []).map((value) => ({
    matchPattern: { case: "exact" as const, value },
  }));
  const usesSecrets = tls.mode !== "ISTIO_MUTUAL" && credentialsOf(tls).length > 0;
  // Names alone, without a trust root to check them by, would make Envoy refuse the whole listener.
  if (!checks) return {};
  return {
    validationContextType: {
      case: "combinedValidationContext" as const,
      value: {
        defaultValidationContext: {
          matchSubjectAltNames: names,
          ...(usesSecrets
            ? {
                verifyCertificateSpki: [...(tls.verifyCertificateSpki ?? [])],
                verifyCertificateHash: [...(tls.verifyCertificateHash ?? [])],
              }
            : optional("crl", revocations(tls))),
          ...(tls.insecureSkipVerify === true
            ? { trustChainVerification: CertificateValidationContext_TrustChainVerification.ACCEPT_UNTRUSTED }
            : {}),
        },
        validationContextSdsSecretConfig: trustRoot(tls),
      },
    },
  };
}

function revocations({ caCrl = "" }: ServerTls) {
  return caCrl === "" ? undefined : { specifier: { case: "filename" as const, value: caCrl } };
}

function trustRoot(tls: ServerTls) {
  const authority = tls.mode === "ISTIO_MUTUAL" ? undefined : authorityOf(tls);
  if (authority !== undefined && credentialsOf(tls).length > 0) return controlPlaneSecret(authority);
  const file = tls.mode === "ISTIO_MUTUAL" ? "" : (tls.caCertificates ?? "");
  return file === "" ? rootSecret() : fileSecret(`file-root:${file}`);
}

const protocols: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** What the server says, else the mesh; the mesh has no say where clients may come without a certificate or with one. */
function parameters(tls: ServerTls, mesh: MeshConfig) {
  const defaults = tls.mode === "SIMPLE" || tls.mode === "MUTUAL" ? mesh.tlsDefaults : undefined;
  const minimum = protocols[tls.minProtocolVersion ?? ""] ?? protocols[defaults?.minProtocolVersion ?? ""];
  const maximum = protocols[tls.maxProtocolVersion ?? ""];
  const own = usableCiphers(tls.cipherSuites ?? []);
  const cipherSuites = own.length > 0 ? own : usableCiphers(defaults?.cipherSuites ?? []);
  const ecdhCurves = [...(defaults?.ecdhCurves ?? [])];
  const isSilent =
    minimum === undefined && maximum === undefined && cipherSuites.length === 0 && ecdhCurves.length === 0;
  if (isSilent) return undefined;
  return {
    ecdhCurves,
    ...optional("tlsMinimumProtocolVersion", minimum),
    ...optional("tlsMaximumProtocolVersion", maximum),
    cipherSuites,
  };
}

/** An unknown suite would make proxies reject the listener; expressions such as "-ALL" are theirs to read. */
function usableCiphers(written: readonly string[]): string[] {
  const isUsable = (name: string) =>
    name === "" || name === "ALL" || !/^[\p{L}\p{N}]/u.test(name) || knownCipherSuites.has(name);
  return [...new Set(written)].filter(isUsable);
}
