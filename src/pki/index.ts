/**
 * pki: keys, certificate requests and certificates as data (X.509 in DER, RFC 5280; PKCS #10, RFC 2986).
 *
 * generateKey, createCsr, readCsr, issueCertificate, parseChain. Elliptic-curve keys (P-256) for what we make,
 * RSA accepted for what users bring.
 *
 * Decides nothing about who is trusted: that is ca.
 */
export { type CertificateRequest, createCsr, readCsr } from "./csr.ts";
export { type IssueOptions, issueCertificate, type Issuer } from "./issue.ts";
export { generateKey, type KeyPair } from "./keys.ts";
export { certificateInfo, type CertificateInfo, splitPem } from "./parse.ts";
