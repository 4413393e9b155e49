import { X509Certificate } from "node:crypto";
import { createSecureContext, rootCertificates, type SecureContext, type SecureVersion } from "node:tls";
import type { DataSource } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type CertificateValidationContext,
  type TlsCertificate,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { CommonTlsContext } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { type PeerCertificate, readPeerCertificate } from "./peer-certificate.ts";
import { type SecretRef, type SecretStore, secretRef } from "./secret-store.ts";
import { compileSubjectTest, type SubjectTest } from "./subject-match.ts";

/** One side's TLS settings, compiled from a CommonTlsContext. */
export interface TlsSettings {
  readonly alpn: readonly string[];
  readonly subject: SubjectTest;
  /** Whether peers' certificates are checked against a trust root. */
  readonly validates: boolean;
  /** Names of secrets that must come over ADS. */
  readonly adsSecrets: readonly string[];
  /** The context for a handshake now; undefined while a secret is missing. Shared between equal settings. */
  context(): SecureContext | undefined;
  /** Changes whenever `context` would give another one: what was agreed with the old one can't be resumed. */
  generation(): number;
  /** The own certificate, when there is one. */
  ownCertificate(): PeerCertificate | undefined;
}

/** Makes TlsSettings; equal ones share their contexts, of which a big configuration would need thousands otherwise. */
export interface TlsCompiler {
  compile(context: CommonTlsContext | undefined, side: "client" | "server", where: string): TlsSettings;
}

/** TLS 1.3 suites, the cheapest first. Node switches TLS 1.3 off when a cipher list names none. */
const tls13Suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const tls12Suites = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
];

export function createTlsCompiler(secrets: SecretStore): TlsCompiler {
  const shared = new Map<string, { generation: number; context: SecureContext }>();

  return {
    compile(common, side, where) {
      const certificate = certificateSource(common, where);
      const validation = validationSource(common, where);
      const versions = protocolVersions(common);
      const listed = common?.tlsParams?.cipherSuites ?? [];
      const ciphers = [...tls13Suites, ...(listed.length > 0 ? listed : tls12Suites)].join(":");
      const key = JSON.stringify([side, certificate.key, validation.key, versions, ciphers]);
      const generation = () => certificate.generation() + validation.generation();
      return {
        alpn: common?.alpnProtocols ?? [],
        subject: compileSubjectTest(validation.matching, where),
        validates: validation.validates,
        adsSecrets: [...certificate.adsSecrets, ...validation.adsSecrets],
        generation,
        ownCertificate: () => readOwn(certificate.get()?.chain),
        context() {
          const now = generation();
          const known = shared.get(key);
          if (known !== undefined && known.generation === now) return known.context;
          const own = certificate.get();
          const roots = validation.roots();
          if ((certificate.wanted && own === undefined) || roots === "missing") return undefined;
          const context = createSecureContext({
            ...versions,
            ciphers,
            ...(own === undefined ? {} : { cert: own.chain, key: own.key }),
            ...(roots === undefined ? {} : { ca: roots }),
            ...(side === "server" ? { sessionIdContext: "isthmus", honorCipherOrder: false } : {}),
          });
          shared.set(key, { generation: now, context });
          return context;
        },
      };
    },
  };

  function certificateSource(common: CommonTlsContext | undefined, where: string) {
    const sds = common?.tlsCertificateSdsSecretConfigs[0];
    if (sds !== undefined) {
      const ref = secretRef(sds);
      secrets.use(ref);
      return {
        wanted: true,
        key: `${ref.source}/${ref.name}`,
        adsSecrets: ref.source === "ads" ? [ref.name] : [],
        generation: () => secrets.generation(ref),
        get: () => keyPair(secrets.get(ref), where),
      };
    }
    const inline = common?.tlsCertificates[0];
    const own = inline === undefined ? undefined : readKeyPair(inline, where);
    return {
      wanted: own !== undefined,
      key: own?.chain ?? "",
      adsSecrets: [],
      generation: () => 0,
      get: () => own,
    };
  }

  function validationSource(common: CommonTlsContext | undefined, where: string) {
    const type = common?.validationContextType;
    let matching: CertificateValidationContext | undefined;
    let ref: SecretRef | undefined;
    if (type?.case === "validationContext") matching = type.value;
    else if (type?.case === "validationContextSdsSecretConfig") ref = secretRef(type.value);
    else if (type?.case === "combinedValidationContext") {
      matching = type.value.defaultValidationContext;
      if (type.value.validationContextSdsSecretConfig !== undefined) {
        ref = secretRef(type.value.validationContextSdsSecretConfig);
      }
    }
    const inline = matching?.trustedCa === undefined ? undefined : text(matching.trustedCa, where);
    const isSystem = ref?.name === "file-root:system";
    if (ref !== undefined && !isSystem) secrets.use(ref);
    return {
      matching,
      validates: ref !== undefined || inline !== undefined || matching?.systemRootCerts !== undefined,
      key: ref === undefined ? (inline ?? "") : `${ref.source}/${ref.name}`,
      adsSecrets: ref?.source === "ads" ? [ref.name] : [],
      generation: () => (ref === undefined ? 0 : secrets.generation(ref)),
      roots(): string | string[] | "missing" | undefined {
        if (ref === undefined) {
          return inline ?? (matching?.systemRootCerts === undefined ? undefined : [...rootCertificates]);
        }
        const type = secrets.get(ref)?.type;
        if (type?.case === "validationContext" && type.value.trustedCa !== undefined) {
          return text(type.value.trustedCa, where);
        }
        return isSystem ? [...rootCertificates] : "missing";
      },
    };
  }
}

/** The own certificate changes rarely and is asked for on every connection. */
const readChains = new Map<string, PeerCertificate>();

function readOwn(chain: string | undefined): PeerCertificate | undefined {
  if (chain === undefined) return undefined;
  let read = readChains.get(chain);
  if (read === undefined) {
    read = readPeerCertificate(new X509Certificate(chain));
    if (readChains.size > 256) readChains.clear();
    readChains.set(chain, read);
  }
  return read;
}

function keyPair(secret: ReturnType<SecretStore["get"]>, where: string) {
  return secret?.type.case === "tlsCertificate" ? readKeyPair(secret.type.value, where) : undefined;
}

function readKeyPair(certificate: TlsCertificate, where: string) {
  if (certificate.certificateChain === undefined || certificate.privateKey === undefined) return undefined;
  return { chain: text(certificate.certificateChain, where), key: text(certificate.privateKey, where) };
}

function text(source: DataSource, where: string): string {
  switch (source.specifier.case) {
    case "inlineBytes":
      return Buffer.from(source.specifier.value).toString("latin1");
    case "inlineString":
      return source.specifier.value;
    default:
      throw new ConfigError(`${where}: TLS data must be inline, got ${source.specifier.case ?? "nothing"}`);
  }
}

function protocolVersions(common: CommonTlsContext | undefined): {
  minVersion: SecureVersion;
  maxVersion: SecureVersion;
} {
  const params = common?.tlsParams;
  return {
    minVersion: secureVersion(params?.tlsMinimumProtocolVersion) ?? "TLSv1.2",
    maxVersion: secureVersion(params?.tlsMaximumProtocolVersion) ?? "TLSv1.3",
  };
}

function secureVersion(protocol: TlsProtocol | undefined): SecureVersion | undefined {
  switch (protocol) {
    case TlsProtocol.TLSv1_0:
      return "TLSv1";
    case TlsProtocol.TLSv1_1:
      return "TLSv1.1";
    case TlsProtocol.TLSv1_2:
      return "TLSv1.2";
    case TlsProtocol.TLSv1_3:
      return "TLSv1.3";
    default:
      return undefined;
  }
}
