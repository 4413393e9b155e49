import { isIP } from "node:net";
import type { CertificateValidationContext } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { SubjectAltNameMatcher_SanType as SanType } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { compileStringMatcher } from "../config/string-match.ts";
import type { PeerCertificate } from "./peer-certificate.ts";

/** Whether a peer's certificate is one of those that are wanted. Undefined: any certificate of the trust root will do. */
export type SubjectTest = ((certificate: PeerCertificate) => boolean) | undefined;

/**
 * Compiles match_typed_subject_alt_names and the older match_subject_alt_names, of which one match is enough, and
 * verify_certificate_hash and verify_certificate_spki, of which one match is needed as well.
 */
export function compileSubjectTest(
  context: CertificateValidationContext | undefined,
  where: string,
): SubjectTest {
  if (context === undefined) return undefined;
  const typed = context.matchTypedSubjectAltNames.map((entry) => {
    const test = compileStringMatcher(entry.matcher, where);
    return (certificate: PeerCertificate) => namesOf(certificate, entry.sanType).some(test);
  });
  const untyped = context.matchSubjectAltNames.map((matcher) => {
    const test = compileStringMatcher(matcher, where);
    return ({ uris, dnsNames, ipAddresses }: PeerCertificate) =>
      uris.some(test) || dnsNames.some(test) || ipAddresses.some(test);
  });
  const names = anyOf([...typed, ...untyped]);
  const pinned = anyOf([
    ...context.verifyCertificateHash.map((written) => {
      const wanted = written.replaceAll(":", "").toLowerCase();
      return ({ hash }: PeerCertificate) => hash === wanted;
    }),
    ...context.verifyCertificateSpki.map(
      (wanted) =>
        ({ keyHash }: PeerCertificate) =>
          keyHash === wanted,
    ),
  ]);
  if (names === undefined || pinned === undefined) return names ?? pinned;
  return (certificate) => names(certificate) && pinned(certificate);
}

function anyOf(tests: readonly NonNullable<SubjectTest>[]): SubjectTest {
  return tests.length === 0 ? undefined : (certificate) => tests.some((test) => test(certificate));
}

/** Whether a certificate is for a host name (RFC 6125: a wildcard stands for one label) or an IP address. */
export function isFor({ dnsNames, ipAddresses }: PeerCertificate, host: string): boolean {
  if (isIP(host) !== 0) return ipAddresses.includes(host);
  const wanted = host.toLowerCase();
  const dot = wanted.indexOf(".");
  return dnsNames.some((written) => {
    const name = written.toLowerCase();
    return name === wanted || (name.startsWith("*.") && dot > 0 && name.slice(1) === wanted.slice(dot));
  });
}

function namesOf(certificate: PeerCertificate, type: SanType): readonly string[] {
  switch (type) {
    case SanType.URI:
      return certificate.uris;
    case SanType.DNS:
      return certificate.dnsNames;
    case SanType.IP_ADDRESS:
      return certificate.ipAddresses;
    default:
      return [];
  }
}
