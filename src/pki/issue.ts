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
  /** What the key may be used for. Default: signatures and key encipherment, of a CA: certificates and revocation lists. */
  readonly keyUsages?: readonly KeyUsage[];
  /** Default: servers and clients, of a CA: anything. An empty list: anything. */
  readonly extendedKeyUsages?: readonly ExtendedKeyUsage[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Bits of the key usage extension, first one first (RFC 5280 4.2.1.3). */
const keyUsageBits = [
  "digitalSignature",
  "contentCommitment",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;
export type KeyUsage = (typeof keyUsageBits)[number];

/** Purposes of the extended key usage extension (RFC 5280 4.2.1.12). */
export type ExtendedKeyUsage =
  | "anyExtendedKeyUsage"
  | "serverAuth"
  | "clientAuth"
  | "codeSigning"
  | "emailProtection"
  | "timeStamping"
  | "ocspSigning";

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
  const hasSubject = Object.values(options.subject ?? {}).some(
    (value) => value !== undefined && value.length > 0,
  );
  const { keyUsages = options.ca === undefined ? leafUsages : caUsages } = options;
  const { extendedKeyUsages = options.ca === undefined ? leafPurposes : [] } = options;
  const ownKeyIdentifier = keyIdentifier(options.publicKey);
  const extensions = [
    ...keyUsage(keyUsages),
    ...(extendedKeyUsages.length === 0
      ? []
      : [
          extension(
            oids.extendedKeyUsage,
            false,
            sequence(...extendedKeyUsages.map((usage) => objectIdentifier(oids[usage]))),
          ),
        ]),
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
    sequence(toBeSigned, algorithm, bitString(sign(digestFor(signingKey), toBeSigned, signingKey))),
  );
}

const leafUsages: readonly KeyUsage[] = ["digitalSignature", "keyEncipherment"];
const caUsages: readonly KeyUsage[] = ["keyCertSign", "cRLSign"];
const leafPurposes: readonly ExtendedKeyUsage[] = ["serverAuth", "clientAuth"];

/** The extension with a bit for each usage, without zero bits at its end (X.690 11.2.2); none without usages. */
function keyUsage(usages: readonly KeyUsage[]): Buffer[] {
  const numbers = usages.map((usage) => keyUsageBits.indexOf(usage));
  if (numbers.length === 0) return [];
  const last = Math.max(...numbers);
  const bytes = Buffer.alloc((last >> 3) + 1);
  for (const bit of numbers) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return [extension(oids.keyUsage, true, bitString(bytes, 7 - (last & 7)))];
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
  switch (key.asymmetricKeyType) {
    case "rsa":
      return sequence(objectIdentifier(oids.rsaWithSha256), element(tags.null));
    case "ed25519":
      return sequence(objectIdentifier(oids.ed25519));
    default:
      return sequence(objectIdentifier(oids.ecdsaWithSha256));
  }
}

/** Ed25519 has its digest built in. */
function digestFor(key: KeyObject): "sha256" | null {
  return key.asymmetricKeyType === "ed25519" ? null : "sha256";
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
