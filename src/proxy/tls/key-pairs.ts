import { X509Certificate } from "node:crypto";
import type { TlsCertificate } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { CommonTlsContext } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { inlineText } from "./inline-text.ts";
import { type PeerCertificate, readPeerCertificate } from "./peer-certificate.ts";
import { type SecretStore, secretRef } from "./secret-store.ts";

/** A certificate with its chain, and its key, as PEM. */
export interface KeyPair {
  readonly chain: string;
  readonly key: string;
}

/** The certificates that a side may show, wherever they come from. */
export interface KeyPairSource {
  readonly wanted: boolean;
  /** Equal for equal sources. */
  readonly key: string;
  readonly adsSecrets: readonly string[];
  generation(): number;
  /** In the order of the configuration; undefined while one of them is missing. */
  get(): readonly KeyPair[] | undefined;
}

/** Finds the certificates of a TLS context. A client shows the first one, as Envoy does. Throws ConfigError. */
export function compileKeyPairs(
  common: CommonTlsContext | undefined,
  side: "client" | "server",
  secrets: SecretStore,
  where: string,
): KeyPairSource {
  const shown = <T>(all: readonly T[] | undefined) => (side === "client" ? all?.slice(0, 1) : all) ?? [];
  const refs = shown(common?.tlsCertificateSdsSecretConfigs).map(secretRef);
  if (refs.length > 0) {
    for (const ref of refs) secrets.use(ref);
    return {
      wanted: true,
      key: refs.map((ref) => `${ref.source}/${ref.name}`).join(","),
      adsSecrets: refs.flatMap((ref) => (ref.source === "ads" ? [ref.name] : [])),
      generation: () => refs.reduce((sum, ref) => sum + secrets.generation(ref), 0),
      get() {
        const pairs = refs.flatMap((ref) => {
          const type = secrets.get(ref)?.type;
          return type?.case === "tlsCertificate" ? (readKeyPair(type.value, where) ?? []) : [];
        });
        return pairs.length === refs.length ? pairs : undefined;
      },
    };
  }
  const inline = shown(common?.tlsCertificates).flatMap((entry) => readKeyPair(entry, where) ?? []);
  return {
    wanted: inline.length > 0,
    key: inline.map(({ chain }) => chain).join(","),
    adsSecrets: [],
    generation: () => 0,
    get: () => inline,
  };
}

function readKeyPair(certificate: TlsCertificate, where: string): KeyPair | undefined {
  if (certificate.certificateChain === undefined || certificate.privateKey === undefined) return undefined;
  return {
    chain: inlineText(certificate.certificateChain, where),
    key: inlineText(certificate.privateKey, where),
  };
}

/** Own certificates change rarely and are asked for on every connection. */
const readChains = new Map<string, PeerCertificate>();

/** Reads the first certificate of a chain, once. */
export function readOwn(chain: string | undefined): PeerCertificate | undefined {
  if (chain === undefined) return undefined;
  let read = readChains.get(chain);
  if (read === undefined) {
    read = readPeerCertificate(new X509Certificate(chain));
    if (readChains.size > 256) readChains.clear();
    readChains.set(chain, read);
  }
  return read;
}
