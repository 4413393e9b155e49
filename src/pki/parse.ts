import { createPrivateKey, X509Certificate } from "node:crypto";

/** What a person or a check wants to know about a certificate. */
export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  /** "5F:3A:…", SHA-256 of the DER. */
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

/** The certificates of a PEM text, one PEM each, in order. */
export function splitPem(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => `${block}\n`);
}

/** The certificates of a PEM text by SHA-256 fingerprint, one PEM each, in order; one that is in it twice counts once. */
export function certificatesOf(text: string): ReadonlyMap<string, string> {
  return new Map(splitPem(text).map((pem) => [certificateInfo(pem).fingerprint, pem]));
}

/** Reads the first certificate of a PEM text. Throws what node:crypto throws when there is none. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = new X509Certificate(pem);
  const names = (certificate.subjectAltName ?? "").split(", ");
  const withPrefix = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    fingerprint: certificate.fingerprint256,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    isCa: certificate.ca,
    uris: withPrefix("URI:"),
    dnsNames: withPrefix("DNS:"),
  };
}

/** Whether the private key belongs to the certificate. Both PEM. */
export function keyMatches(certificatePem: string, privateKeyPem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));
}

/** Whether `issuerPem` signed `certificatePem`. */
export function isSignedBy(certificatePem: string, issuerPem: string): boolean {
  const certificate = new X509Certificate(certificatePem);
  const issuer = new X509Certificate(issuerPem);
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
