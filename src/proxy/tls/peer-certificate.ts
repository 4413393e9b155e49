import { createHash, type X509Certificate } from "node:crypto";

/** What the proxy needs to know about a certificate that a peer showed. */
export interface PeerCertificate {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** As RFC 2253 writes it, "" when empty. */
  readonly subject: string;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly hash: string;
  /** SHA-256 of the public key's DER (SubjectPublicKeyInfo), base64. */
  readonly keyHash: string;
  readonly serial: string;
  readonly pem: string;
}

/**
 * Reads a certificate. Names are taken from the DER and not from `subjectAltName`, because that text joins
 * names by commas which a name may contain itself.
 */
export function readPeerCertificate(certificate: X509Certificate): PeerCertificate {
  const names = alternativeNames(certificate.raw);
  return {
    ...names,
    subject: rfc2253(certificate.subject),
    hash: createHash("sha256").update(certificate.raw).digest("hex"),
    get keyHash() {
      const key = certificate.publicKey.export({ type: "spki", format: "der" });
      return createHash("sha256").update(key).digest("base64");
    },
    serial: certificate.serialNumber.toLowerCase(),
    get pem() {
      return certificate.toString();
    },
  };
}

const subjectAltName = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x11]);

interface AlternativeNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** GeneralNames of the certificate's subjectAltName extension (RFC 5280 4.2.1.6). Empty on anything malformed. */
function alternativeNames(der: Buffer): AlternativeNames {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  const ipAddresses: string[] = [];
  const extension = findExtension(der);
  const list = extension === undefined ? undefined : readElement(extension, 0);
  if (extension !== undefined && list !== undefined && list.tag === 0x30) {
    let at = list.start;
    while (at < list.end) {
      const name = readElement(extension, at);
      if (name === undefined || name.end > list.end) break;
      const bytes = extension.subarray(name.start, name.end);
      if (name.tag === 0x86) uris.push(bytes.toString("latin1"));
      if (name.tag === 0x82) dnsNames.push(bytes.toString("latin1"));
      if (name.tag === 0x87 && bytes.length === 4) ipAddresses.push(bytes.join("."));
      at = name.end;
    }
  }
  return { uris, dnsNames, ipAddresses };
}

/** The value of the extension with the OID 2.5.29.17, found by walking Certificate → TBSCertificate → [3] → Extensions. */
function findExtension(der: Buffer): Buffer | undefined {
  const certificate = readElement(der, 0);
  const body = certificate && readElement(der, certificate.start);
  if (body === undefined) return undefined;
  for (let at = body.start; at < body.end; ) {
    const field = readElement(der, at);
    if (field === undefined) return undefined;
    if (field.tag === 0xa3) {
      const list = readElement(der, field.start);
      for (let item = list?.start ?? 0; list !== undefined && item < list.end; ) {
        const extension = readElement(der, item);
        if (extension === undefined) return undefined;
        if (der.subarray(extension.start, extension.start + subjectAltName.length).equals(subjectAltName)) {
          let value = readElement(der, extension.start + subjectAltName.length);
          if (value?.tag === 0x01) value = readElement(der, value.end); // critical
          return value?.tag === 0x04 ? der.subarray(value.start, value.end) : undefined;
        }
        item = extension.end;
      }
      return undefined;
    }
    at = field.end;
  }
  return undefined;
}

function readElement(der: Buffer, at: number): { tag: number; start: number; end: number } | undefined {
  const tag = der[at];
  let length = der[at + 1];
  if (tag === undefined || length === undefined) return undefined;
  let start = at + 2;
  if (length >= 0x80) {
    const bytes = length & 0x7f;
    if (bytes === 0 || bytes > 3 || start + bytes > der.length) return undefined;
    length = der.readUIntBE(start, bytes);
    start += bytes;
  }
  const end = start + length;
  return end > der.length ? undefined : { tag, start, end };
}

/** Node prints one attribute a line, first one first; RFC 2253 wants commas and the last one first. */
function rfc2253(subject: string | undefined): string {
  if (!subject) return "";
  return subject
    .split("\n")
    .map((line) => line.replace(/([",+;<>])/g, "\\$1"))
    .reverse()
    .join(",");
}
