import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  readElements,
  readObjectIdentifier,
  sequence,
  tags,
} from "./der.ts";
import type { KeyPair } from "./keys.ts";
import {
  type AlternativeNames,
  alternativeNames,
  type DistinguishedName,
  distinguishedName,
  oids,
} from "./names.ts";

/** What a certificate request asks for. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

/** A PKCS #10 request (PEM) for `key`, signed by it. */
export function createCsr(
  key: KeyPair,
  names: AlternativeNames & { readonly subject?: DistinguishedName } = {},
): string {
  const subject = names.subject ?? {};
  const san = alternativeNames(names, false);
  const attributes =
    san.length === 0
      ? element(0xa0)
      : element(0xa0, sequence(objectIdentifier(oids.extensionRequest), element(tags.set, sequence(...san))));
  const info = sequence(
    integer(Buffer.from([0])),
    distinguishedName(subject),
    key.publicKey.export({ type: "spki", format: "der" }),
    attributes,
  );
  const algorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));
  return toPem(
    "CERTIFICATE REQUEST",
    sequence(info, algorithm, bitString(sign("sha256", info, key.privateKey))),
  );
}

/**
 * Reads a PEM request and checks its signature, that is, that the asker holds the private key.
 * Throws RangeError when the text is no request or the signature is wrong.
 */
export function readCsr(pem: string): CertificateRequest {
  const match = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END/.exec(
    pem.slice(0, 65536),
  );
  if (match?.[1] === undefined) throw new RangeError("not a PEM certificate request");
  const [request] = readElements(Buffer.from(match[1], "base64"));
  if (request === undefined) throw new RangeError("the certificate request is empty");
  const [info, , signature] = readElements(request.content);
  if (info === undefined || signature === undefined)
    throw new RangeError("the certificate request is cut off");
  const [, , spki, ...attributes] = readElements(info.content);
  if (spki === undefined) throw new RangeError("the certificate request has no public key");
  const publicKey = createPublicKey({ key: spki.whole, format: "der", type: "spki" });
  if (!verify("sha256", info.whole, publicKey, signature.content.subarray(1))) {
    throw new RangeError("the certificate request's signature does not match its key");
  }
  return { publicKey, ...requestedNames(attributes[0]?.content ?? Buffer.alloc(0)) };
}

function requestedNames(attributes: Buffer): { uris: string[]; dnsNames: string[] } {
  const names: { uris: string[]; dnsNames: string[] } = { uris: [], dnsNames: [] };
  for (const attribute of readElements(attributes)) {
    const [type, values] = readElements(attribute.content);
    if (
      type === undefined ||
      values === undefined ||
      readObjectIdentifier(type.content) !== oids.extensionRequest
    )
      continue;
    for (const extension of readElements(values.content).flatMap((extensions) =>
      readElements(extensions.content),
    )) {
      const parts = readElements(extension.content);
      const [oid, value] = [parts[0], parts.at(-1)];
      if (oid === undefined || value === undefined) continue;
      if (readObjectIdentifier(oid.content) !== oids.subjectAlternativeName) continue;
      for (const name of readElements(value.content).flatMap((general) => readElements(general.content))) {
        if (name.tag === 0x86) names.uris.push(name.content.toString("latin1"));
        if (name.tag === 0x82) names.dnsNames.push(name.content.toString("latin1"));
      }
    }
  }
  return names;
}

/** DER as PEM with lines of 64 characters. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
