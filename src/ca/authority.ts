import type { Clock } from "../base/index.ts";
import {
  certificateInfo,
  generateKey,
  issueCertificate,
  readCsr,
  readIssuer,
  splitPem,
} from "../pki/index.ts";
import type { CaFiles } from "./ca-files.ts";

/** Clocks of callers may be a little behind. */
const backdate = 60_000;
const serverLifetime = 365 * 24 * 3600;

/**
 * Signs for one cluster with its intermediate. Keeps the intermediate's key to itself: callers get
 * certificates only. Safe to share.
 */
export interface CertificateAuthority {
  /** PEM of the root(s) that workloads trust. */
  readonly rootPem: string;
  /** When the intermediate expires, in milliseconds; nothing signed lives longer. */
  readonly notAfter: number;
  /**
   * Certifies the CSR's public key for `identities` (SPIFFE URIs; what the CSR itself asks for is ignored) and
   * returns PEM certificates: the leaf, intermediates, then every root that workloads trust. Throws RangeError on a
   * malformed CSR.
   */
  sign(csrPem: string, identities: readonly string[], lifetimeSeconds: number): readonly string[];
  /** A new key with a serving certificate for `dnsNames`; `chain` is leaf and intermediates. */
  serverCertificate(dnsNames: readonly string[]): { readonly key: string; readonly chain: string };
}

/** The authority that signs with the CA in `files`, which must have passed checkCaFiles. */
export function createAuthority(files: CaFiles, clock: Clock): CertificateAuthority {
  const issuer = readIssuer(files["ca-cert.pem"], files["ca-key.pem"]);
  const roots = splitPem(files["root-cert.pem"]);
  const intermediates = splitPem(files["cert-chain.pem"]).filter((pem) => !roots.includes(pem));
  const chain = intermediates.length > 0 ? intermediates : splitPem(files["ca-cert.pem"]);
  const { notAfter } = certificateInfo(files["ca-cert.pem"]);
  const validity = (lifetimeSeconds: number) => {
    const now = clock.now();
    return { notBefore: now - backdate, notAfter: Math.min(notAfter, now + lifetimeSeconds * 1000) };
  };
  return {
    rootPem: files["root-cert.pem"],
    notAfter,
    sign(csrPem, identities, lifetimeSeconds) {
      const { publicKey } = readCsr(csrPem);
      const leaf = issueCertificate({ publicKey, uris: identities, ...validity(lifetimeSeconds) }, issuer);
      return [leaf, ...chain, ...roots];
    },
    serverCertificate(dnsNames) {
      const key = generateKey();
      const leaf = issueCertificate(
        { publicKey: key.publicKey, dnsNames, ...validity(serverLifetime) },
        issuer,
      );
      return { key: key.privateKeyPem, chain: [leaf, ...chain].join("") };
    },
  };
}
