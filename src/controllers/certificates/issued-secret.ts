import { createHash, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import type { KubeObject, Secret } from "../../kube/index.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import type { Certificate, CertificateSpec } from "./certificate-kinds.ts";
import { privateKeyPem, readPrivateKey } from "./private-key.ts";

/** What a Certificate's Secret holds. */
export interface IssuedSecret {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

const prefix = "cert-manager.io";
/** Which fields of the spec the certificate was issued for, as hashes: a change of one is a reason to issue anew. */
const specAnnotation = "isthmus.dev/certificate-spec";

/** Reads tls.crt and tls.key; a text says why there is nothing to read, in cert-manager's words. */
export function readIssued({ data = {} }: Secret): IssuedSecret | string {
  const text = (name: string) => Buffer.from(data[name] ?? "", "base64").toString("utf8");
  if (Object.keys(data).length === 0) return "Issuing certificate as Secret does not contain any data";
  if (text("tls.key") === "") return "Issuing certificate as Secret does not contain a private key";
  if (text("tls.crt") === "") return "Issuing certificate as Secret does not contain a certificate";
  const key = readPrivateKey(text("tls.key"));
  if (key === undefined) return "Issuing certificate as Secret contains an invalid private key";
  try {
    return { certificate: new X509Certificate(text("tls.crt")), key };
  } catch {
    return "Issuing certificate as Secret contains an invalid certificate";
  }
}

/** "ClusterIssuer.cert-manager.io/name" as the Secret's annotations have it; empty when they say nothing. */
export function issuedBy({ metadata }: KubeObject): string {
  const annotation = (name: string) => metadata.annotations?.[`${prefix}/${name}`] ?? "";
  const name = annotation("issuer-name");
  return name === "" ? "" : `${annotation("issuer-kind")}.${annotation("issuer-group")}/${name}`;
}

/** The issuer that a Certificate names, in the form of issuedBy. */
export function issuerOf({ issuerRef }: CertificateSpec): string {
  return `${issuerRef.kind ?? "Issuer"}.${issuerRef.group ?? prefix}/${issuerRef.name}`;
}

/** The Certificate that a Secret was issued for. */
export function certificateOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[`${prefix}/certificate-name`];
}

/** Fields of the spec that are other now than when the Secret was issued. */
export function changedFields(spec: CertificateSpec, { metadata }: KubeObject): readonly string[] {
  const then = new Map(
    (metadata.annotations?.[specAnnotation] ?? "").split(" ").map((one) => {
      const [field = "", hash = ""] = one.split("=");
      return [field, hash] as const;
    }),
  );
  return [...fieldHashes(spec)]
    .filter(([field, hash]) => then.get(field) !== hash)
    .map(([field]) => `spec.${field}`);
}

/** The Secret of a newly issued certificate; what else is in a present one stays. */
export function issuedSecret(
  certificate: Certificate,
  key: KeyObject,
  issued: { readonly chain: string; readonly root: string },
): Pick<Secret, "metadata" | "data"> {
  const { spec } = certificate;
  const pem = privateKeyPem(key, spec);
  const formats = new Set((spec.additionalOutputFormats ?? []).map(({ type }) => type));
  const data: Record<string, Buffer> = {
    "tls.crt": Buffer.from(issued.chain),
    "tls.key": Buffer.from(pem),
    "ca.crt": Buffer.from(issued.root),
    ...(formats.has("CombinedPEM") ? { "tls-combined.pem": Buffer.from(`${pem}${issued.chain}`) } : {}),
    ...(formats.has("DER") ? { "key.der": key.export({ type: "pkcs8", format: "der" }) as Buffer } : {}),
  };
  return {
    metadata: secretMetadata(certificate, new X509Certificate(issued.chain)),
    data: Object.fromEntries(Object.entries(data).map(([name, bytes]) => [name, bytes.toString("base64")])),
  };
}

/** Name, labels and annotations of a Certificate's Secret: cert-manager's own and those of secretTemplate. */
export function secretMetadata(
  { metadata: { name, namespace = "default" }, spec }: Certificate,
  issued: X509Certificate,
): KubeObject["metadata"] {
  const names = (issued.subjectAltName ?? "").split(", ");
  const ofKind = (kind: string) =>
    names
      .filter((one) => one.startsWith(`${kind}:`))
      .map((one) => one.slice(kind.length + 1))
      .join(",");
  const { issuerRef, secretTemplate, secretName } = spec;
  return {
    name: secretName,
    namespace,
    labels: { ...secretTemplate?.labels, [`controller.${prefix}/fao`]: "true" },
    annotations: {
      ...secretTemplate?.annotations,
      [`${prefix}/alt-names`]: ofKind("DNS"),
      [`${prefix}/certificate-name`]: name,
      [`${prefix}/common-name`]: spec.commonName ?? "",
      [`${prefix}/ip-sans`]: ofKind("IP Address"),
      [`${prefix}/issuer-group`]: issuerRef.group ?? prefix,
      [`${prefix}/issuer-kind`]: issuerRef.kind ?? "Issuer",
      [`${prefix}/issuer-name`]: issuerRef.name,
      [`${prefix}/uri-sans`]: ofKind("URI"),
      [specAnnotation]: [...fieldHashes(spec)].map(([field, hash]) => `${field}=${hash}`).join(" "),
    },
  };
}

/** Whether a Secret's certificate is of its key. */
export function isKeyPair({ certificate, key }: IssuedSecret): boolean {
  const spki = (one: KeyObject) => one.export({ type: "spki", format: "der" }) as Buffer;
  return spki(certificate.publicKey).equals(spki(createPublicKey(key)));
}

function fieldHashes(spec: CertificateSpec): ReadonlyMap<string, string> {
  const { commonName, dnsNames, ipAddresses, uris, emailAddresses, subject, duration, isCA, usages } = spec;
  const set = (list: readonly string[] = []) => [...new Set(list)].sort();
  const fields = {
    commonName,
    dnsNames: set(dnsNames),
    ipAddresses: set(ipAddresses),
    uris: set(uris),
    emailAddresses: set(emailAddresses),
    subject,
    duration,
    isCA,
    usages: set(usages),
  };
  return new Map(Object.entries(fields).map(([name, value]) => [name, hashOf(value)]));
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 8);
}
