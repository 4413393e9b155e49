/**
 * pki: keys, certificate requests and certificates as data (X.509 in DER, RFC 5280; PKCS #10, RFC 2986).
 *
 * generateKey, createCsr, readCsr, issueCertificate, readIssuer, certificateInfo. Elliptic-curve keys (P-256)
 * for what we make, RSA and others for what users bring or ask for.
 *
 * Decides nothing about who is trusted: that is ca.
 */
export { type CertificateRequest, createCsr, readCsr } from "./csr.ts";
export {
  type ExtendedKeyUsage,
  type IssueOptions,
  type Issuer,
  issueCertificate,
  type KeyUsage,
  readIssuer,
} from "./issue.ts";
export { generateKey, generateKeyOf, type KeyPair, type KeyType } from "./keys.ts";
export type { AlternativeNames, DistinguishedName } from "./names.ts";
export {
  type CertificateInfo,
  certificateInfo,
  certificatesOf,
  isSignedBy,
  keyMatches,
  splitPem,
} from "./parse.ts";
