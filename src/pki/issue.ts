import {
  createHash,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { toPem } from "./csr.ts";
import { bitString, element, integer, objectIdentifier, readElements, sequence, tags, time } from "./der.ts";
import {
  type AlternativeNames,
  alternativeNames,
  type DistinguishedName,
  distinguishedName,
  extension,
  oids,
} from "./names.ts";

/** Who signs: a CA's certificate and private key. Build once, use often. */
export interface Issuer {
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  /** The certificate's subject, in DER, as the issuer name of what it signs. */
  readonly name: Buffer;
  readonly keyIdentifier: Buffer;
}

export interface IssueOptions extends AlternativeNames {
  readonly publicKey: KeyObject;
  readonly subject?: DistinguishedName;
  /** A CA certificate; `pathLength` limits how many CAs may follow. */
  readonly ca?: { readonly pathLength?: number };
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Reads an issuer from PEM. Throws what node:crypto throws on text that is no certificate or key. */
export function readIssuer(certificatePem: string, privateKeyPem: string): Issuer {
  const certificate = new X509Certificate(certificatePem);
  return {
    certificatePem: certificate.toString(),
    privateKey: createPrivateKey(privateKeyPem),
    name: subjectOf(certificate.raw),
    keyIdentifier: keyIdentifier(certificate.publicKey),
  };
}

/**
 * Signs an X.509 v3 certificate (RFC 5280) and returns it as PEM. Without an issuer it is self-signed by `selfKey`.
 */
export function issueCertificate(
  options: IssueOptions,
  issuer: Issuer | { readonly selfKey: KeyObject },
): string {
  const subject = distinguishedName(options.subject ?? {});
  const selfSigned = "selfKey" in issuer;
  const signingKey = selfSigned ? issuer.selfKey : issuer.privateKey;
  const algorithm = signatureAlgorithm(signingKey);
  const hasSubject =
    options.subject?.commonName !== undefined || (options.subject?.organizations ?? []).length > 0;
  const ownKeyIdentifier = keyIdentifier(options.publicKey);
  const extensions = [
    keyUsage(options.ca !== undefined),
    ...(options.ca === undefined
      ? [
          extension(
            oids.extendedKeyUsage,
            false,
            sequence(objectIdentifier(oids.serverAuth), objectIdentifier(oids.clientAuth)),
          ),
        ]
      : []),
    basicConstraints(options.ca),
    extension(oids.subjectKeyIdentifier, false, element(tags.octetString, ownKeyIdentifier)),
    extension(
      oids.authorityKeyIdentifier,
      false,
      sequence(element(0x80, selfSigned ? ownKeyIdentifier : issuer.keyIdentifier)),
    ),
    ...alternativeNames(options, !hasSubject),
  ];
  const toBeSigned = sequence(
    element(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm,
    selfSigned ? subject : issuer.name,
    sequence(time(options.notBefore), time(options.notAfter)),
    subject,
    options.publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(...extensions)),
  );
  return toPem(
    "CERTIFICATE",
    sequence(toBeSigned, algorithm, bitString(sign("sha256", toBeSigned, signingKey))),
  );
}

function keyUsage(isCa: boolean): Buffer {
  // Bits: digitalSignature 0, keyEncipherment 2, keyCertSign 5, cRLSign 6.
  return extension(
    oids.keyUsage,
    true,
    isCa ? bitString(Buffer.from([0b00000110]), 1) : bitString(Buffer.from([0b10100000]), 5),
  );
}

function basicConstraints(ca: { readonly pathLength?: number } | undefined): Buffer {
  if (ca === undefined) return extension(oids.basicConstraints, true, sequence());
  const limit = ca.pathLength === undefined ? [] : [integer(Buffer.from([ca.pathLength]))];
  return extension(
    oids.basicConstraints,
    true,
    sequence(element(tags.boolean, Buffer.from([0xff])), ...limit),
  );
}

function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === "rsa"
    ? sequence(objectIdentifier(oids.rsaWithSha256), element(tags.null))
    : sequence(objectIdentifier(oids.ecdsaWithSha256));
}

/** Twenty random bytes, positive, never zero (RFC 5280 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** SHA-1 of the public key's bits (RFC 5280 4.2.1.2, method 1). */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const [spki] = readElements(publicKey.export({ type: "spki", format: "der" }));
  const [, bits] = readElements(spki?.content ?? Buffer.alloc(0));
  return createHash("sha1")
    .update(bits?.content.subarray(1) ?? Buffer.alloc(0))
    .digest();
}

function subjectOf(certificate: Buffer): Buffer {
  const [whole] = readElements(certificate);
  const [toBeSigned] = readElements(whole?.content ?? Buffer.alloc(0));
  const fields = readElements(toBeSigned?.content ?? Buffer.alloc(0));
  const first = fields[0]?.tag === 0xa0 ? 1 : 0;
  const subject = fields[first + 4];
  if (subject === undefined) throw new RangeError("the certificate has no subject");
  return Buffer.from(subject.whole);
}
