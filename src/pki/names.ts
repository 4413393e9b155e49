import { isIPv4, isIPv6 } from "node:net";
import { element, objectIdentifier, printableString, sequence, tags, utf8String } from "./der.ts";

/** Object identifiers of RFC 5280, RFC 2986 and RFC 5758. */
export const oids = {
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
  country: "2.5.4.6",
  locality: "2.5.4.7",
  province: "2.5.4.8",
  streetAddress: "2.5.4.9",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  postalCode: "2.5.4.17",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  anyExtendedKeyUsage: "2.5.29.37.0",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  emailProtection: "1.3.6.1.5.5.7.3.4",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  ocspSigning: "1.3.6.1.5.5.7.3.9",
  extensionRequest: "1.2.840.113549.1.9.14",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  rsaWithSha256: "1.2.840.113549.1.1.11",
  ed25519: "1.3.101.112",
} as const;

/** Who a certificate is about. */
export interface DistinguishedName {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly organizationalUnits?: readonly string[];
  readonly countries?: readonly string[];
  readonly provinces?: readonly string[];
  readonly localities?: readonly string[];
  readonly streetAddresses?: readonly string[];
  readonly postalCodes?: readonly string[];
  readonly serialNumber?: string;
}

/** Names that a certificate is valid for (GeneralName). */
export interface AlternativeNames {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** IPv4 and IPv6 addresses; what is neither is left out. */
  readonly addresses?: readonly string[];
  readonly emails?: readonly string[];
}

export function distinguishedName(name: DistinguishedName): Buffer {
  const attributes = (oid: string, texts: readonly string[] = [], encode = utf8String) =>
    texts.map((text) => element(tags.set, sequence(objectIdentifier(oid), encode(text))));
  const single = (text: string | undefined) => (text === undefined ? [] : [text]);
  return sequence(
    // RFC 5280 appendix A: a country and a serial number are printable strings.
    ...attributes(oids.country, name.countries, printableString),
    ...attributes(oids.province, name.provinces),
    ...attributes(oids.locality, name.localities),
    ...attributes(oids.streetAddress, name.streetAddresses),
    ...attributes(oids.postalCode, name.postalCodes),
    ...attributes(oids.organization, name.organizations),
    ...attributes(oids.organizationalUnit, name.organizationalUnits),
    ...attributes(oids.commonName, single(name.commonName)),
    ...attributes(oids.serialNumber, single(name.serialNumber), printableString),
  );
}

/** The SubjectAlternativeName extension, or nothing when there are no names. Critical when the subject is empty (RFC 5280 4.2.1.6). */
export function alternativeNames(names: AlternativeNames, critical: boolean): Buffer[] {
  const general = [
    ...(names.dnsNames ?? []).map((name) => element(0x82, Buffer.from(name))),
    ...(names.uris ?? []).map((uri) => element(0x86, Buffer.from(uri))),
    ...(names.emails ?? []).map((email) => element(0x81, Buffer.from(email))),
    ...(names.addresses ?? []).flatMap((ip) => addressBytes(ip)).map((bytes) => element(0x87, bytes)),
  ];
  return general.length === 0 ? [] : [extension(oids.subjectAlternativeName, critical, sequence(...general))];
}

function addressBytes(ip: string): Buffer[] {
  if (isIPv4(ip)) return [Buffer.from(ip.split(".").map(Number))];
  // Without a zone; an embedded IPv4 address is written out by URL.
  if (!isIPv6(ip) || ip.includes("%")) return [];
  const written = new URL(`http://[${ip}]`).hostname.slice(1, -1);
  const [head = "", tail] = written.split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return [Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))];
}

export function extension(oid: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [element(tags.boolean, Buffer.from([0xff]))] : [];
  return sequence(objectIdentifier(oid), ...flag, element(tags.octetString, value));
}
