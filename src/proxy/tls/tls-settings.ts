import { createSecureContext, type SecureContext, type SecureVersion, type TLSSocket } from "node:tls";
import { TlsParameters_TlsProtocol as TlsProtocol } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { CommonTlsContext } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { compileKeyPairs, type KeyPair, readOwn } from "./key-pairs.ts";
import { type PeerCertificate, readPeerCertificate } from "./peer-certificate.ts";
import type { SecretStore } from "./secret-store.ts";
import { type ContextChoice, chooseByName } from "./server-contexts.ts";
import type { SubjectTest } from "./subject-match.ts";
import { compileTrust } from "./trust.ts";

/** One side's TLS settings, compiled from a CommonTlsContext. */
export interface TlsSettings {
  readonly alpn: readonly string[];
  readonly subject: SubjectTest;
  /** Whether a server asks its clients for a certificate. */
  readonly asks: boolean;
  /** Whether peers' certificates are checked against a trust root, and those that were revoked are refused. */
  readonly validates: boolean;
  /** Names of secrets that must come over ADS. */
  readonly adsSecrets: readonly string[];
  /**
   * The context for a handshake now, with the certificate for `sni` where a server has several; undefined while a
   * secret is missing. Shared between equal settings.
   */
  context(sni?: string): SecureContext | undefined;
  /** Changes whenever `context` would give another one: what was agreed with the old one can't be resumed. */
  generation(): number;
  /** The own certificate, when there is one: of several the one that was shown on `socket`, else the first. */
  ownCertificate(socket?: TLSSocket): PeerCertificate | undefined;
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
  const shared = new Map<string, { generation: number; choose: ContextChoice | undefined }>();

  return {
    compile(common, side, where) {
      const own = compileKeyPairs(common, side, secrets, where);
      const trust = compileTrust(common, secrets, where);
      const versions = protocolVersions(common);
      const listed = common?.tlsParams?.cipherSuites ?? [];
      const ciphers = [...tls13Suites, ...(listed.length > 0 ? listed : tls12Suites)].join(":");
      const key = JSON.stringify([side, own.key, trust.key, versions, ciphers]);
      const generation = () => own.generation() + trust.generation();
      const make = (): ContextChoice | undefined => {
        const pairs = own.get();
        const trusted = trust.get();
        if (pairs === undefined || trusted === undefined) return undefined;
        const { roots, revoked } = trusted;
        const contextOf = (shown: readonly KeyPair[]) =>
          createSecureContext({
            ...versions,
            ciphers,
            ...(shown.length === 0
              ? {}
              : { cert: shown.map(({ chain }) => chain), key: shown.map(({ key }) => key) }),
            ...(roots === undefined ? {} : { ca: roots }),
            ...(revoked.length === 0 ? {} : { crl: revoked }),
            // Our order puts ECDSA first; it only matters where there is a choice of certificates.
            ...(side === "server" ? { sessionIdContext: "isthmus", honorCipherOrder: shown.length > 1 } : {}),
          });
        if (pairs.length > 1) return chooseByName(pairs, contextOf);
        const only = contextOf(pairs);
        return () => only;
      };
      return {
        alpn: common?.alpnProtocols ?? [],
        subject: trust.subject,
        asks: trust.asks,
        validates: trust.validates,
        adsSecrets: [...own.adsSecrets, ...trust.adsSecrets],
        generation,
        ownCertificate(socket) {
          const pairs = own.get();
          if (pairs === undefined || pairs.length <= 1 || socket === undefined)
            return readOwn(pairs?.[0]?.chain);
          const shown = socket.getX509Certificate();
          return shown === undefined ? undefined : readPeerCertificate(shown);
        },
        context(sni) {
          const now = generation();
          const known = shared.get(key);
          if (known !== undefined && known.generation === now && known.choose !== undefined)
            return known.choose(sni);
          if (known?.generation === now) return undefined;
          let choose: ContextChoice | undefined;
          try {
            choose = make();
            if (choose === undefined) return undefined;
          } catch {
            // As with Envoy, what can't be used is not taken: the last good one goes on.
            choose = known?.choose;
          }
          shared.set(key, { generation: now, choose });
          return choose?.(sni);
        },
      };
    },
  };
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
