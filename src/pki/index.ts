/**
 * pki: keys, certificate requests and certificates as data (X.509 in DER, RFC 5280; PKCS #10, RFC 2986).
 *
 * generateKey, createCsr, readCsr, issueCertificate, readIssuer, certificateInfo. Elliptic-curve keys (P-256)
 * for what we make, RSA accepted for what users bring.
 *
 * Decides nothing about who is trusted: that is ca.
 */
export { type CertificateRequest, createCsr, readCsr } from "./csr.ts";
export { type IssueOptions, type Issuer, issueCertificate, readIssuer } from "./issue.ts";
export { generateKey, type KeyPair } from "./keys.ts";
export type { AlternativeNames, DistinguishedName } from "./names.ts";
export { type CertificateInfo, certificateInfo, isSignedBy, keyMatches, splitPem } from "./parse.ts";
