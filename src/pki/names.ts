import { isIPv4 } from "node:net";
import { element, objectIdentifier, sequence, tags, utf8String } from "./der.ts";

/** Object identifiers of RFC 5280, RFC 2986 and RFC 5758. */
export const oids = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  extensionRequest: "1.2.840.113549.1.9.14",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  rsaWithSha256: "1.2.840.113549.1.1.11",
} as const;

/** Who a certificate is about. */
export interface DistinguishedName {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
}

/** Names that a certificate is valid for (GeneralName). */
export interface AlternativeNames {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** IPv4 addresses. */
  readonly addresses?: readonly string[];
}

export function distinguishedName({ commonName, organizations = [] }: DistinguishedName): Buffer {
  const attribute = (oid: string, text: string) =>
    element(tags.set, sequence(objectIdentifier(oid), utf8String(text)));
  return sequence(
    ...organizations.map((organization) => attribute(oids.organization, organization)),
    ...(commonName === undefined ? [] : [attribute(oids.commonName, commonName)]),
  );
}

/** The SubjectAlternativeName extension, or nothing when there are no names. Critical when the subject is empty (RFC 5280 4.2.1.6). */
export function alternativeNames(names: AlternativeNames, critical: boolean): Buffer[] {
  const general = [
    ...(names.dnsNames ?? []).map((name) => element(0x82, Buffer.from(name))),
    ...(names.uris ?? []).map((uri) => element(0x86, Buffer.from(uri))),
    ...(names.addresses ?? [])
      .filter(isIPv4)
      .map((ip) => element(0x87, Buffer.from(ip.split(".").map(Number)))),
  ];
  return general.length === 0 ? [] : [extension(oids.subjectAlternativeName, critical, sequence(...general))];
}

export function extension(oid: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [element(tags.boolean, Buffer.from([0xff]))] : [];
  return sequence(objectIdentifier(oid), ...flag, element(tags.octetString, value));
}
