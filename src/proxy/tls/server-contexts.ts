import { X509Certificate } from "node:crypto";
import type { SecureContext } from "node:tls";
import type { KeyPair } from "./key-pairs.ts";
import { readPeerCertificate } from "./peer-certificate.ts";

/** Chooses the context of a handshake by the name that the client asks for. */
export type ContextChoice = (sni: string | undefined) => SecureContext;

/**
 * Chooses among several certificates of a server as Envoy does: those for the name that the client asks for (exact
 * before wildcard), of them the key type that the client can verify, ECDSA first, which the handshake finds out.
 * A client that names no server gets one of all, one with another name the first.
 */
export function chooseByName(
  pairs: readonly KeyPair[],
  make: (shown: readonly KeyPair[]) => SecureContext,
): ContextChoice {
  const byName = new Map<string, Map<string, KeyPair>>();
  const all = new Map<string, KeyPair>();
  for (const pair of pairs) {
    const certificate = new X509Certificate(pair.chain);
    const keyType = certificate.publicKey.asymmetricKeyType ?? "";
    if (!all.has(keyType)) all.set(keyType, pair);
    for (const name of namesOf(certificate)) {
      const known = byName.get(name) ?? new Map<string, KeyPair>();
      byName.set(name, known);
      if (!known.has(keyType)) known.set(keyType, pair);
    }
  }
  const made = new Map<string, SecureContext>();
  const contextOf = (shown: readonly KeyPair[]): SecureContext => {
    const key = shown.map((pair) => pairs.indexOf(pair)).join();
    const known = made.get(key) ?? make(shown);
    made.set(key, known);
    return known;
  };
  const contexts = new Map([...byName].map(([name, shown]) => [name, contextOf([...shown.values()])]));
  const forAll = contextOf([...all.values()]);
  const first = contextOf(pairs.slice(0, 1));
  return (sni) => {
    if (sni === undefined) return forAll;
    const dot = sni.indexOf(".");
    return contexts.get(sni) ?? (dot > 0 ? contexts.get(`*${sni.slice(dot)}`) : undefined) ?? first;
  };
}

/** DNS names, or the common name of a certificate without alternative names. */
function namesOf(certificate: X509Certificate): readonly string[] {
  const { dnsNames } = readPeerCertificate(certificate);
  const common = /^CN=(.*)$/m.exec(certificate.subject ?? "")?.[1];
  const names = certificate.subjectAltName !== undefined ? dnsNames : common === undefined ? [] : [common];
  return names.map((name) => name.toLowerCase());
}
