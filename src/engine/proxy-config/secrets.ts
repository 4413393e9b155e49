import { X509Certificate } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { dumpSection, object, objects, text } from "./config-dump.ts";
import type { ConfigTable } from "./config-table.ts";

/** A proxy's certificates and roots. The dump that they come from holds no keys. */
export function secretTable(dump: unknown, part = ""): ConfigTable {
  const section = dumpSection(dump, "SecretsConfigDump");
  const secrets = [
    ...objects(section["dynamic_warming_secrets"]).map((entry) => ({ entry, status: "WARMING" })),
    ...objects(section["dynamic_active_secrets"]).map((entry) => ({ entry, status: "ACTIVE" })),
  ].filter(({ entry }) => text(entry["name"]).includes(part));
  return {
    header: ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"],
    rows: secrets.map(({ entry, status }) => [
      text(entry["name"]),
      ...describe(readCertificate(object(entry["secret"])), status),
    ]),
    resources: secrets.map(({ entry }) => entry),
  };
}

/** The first certificate of a chain or of roots. */
function readCertificate(secret: JsonObject): X509Certificate | undefined {
  const source =
    secret["validation_context"] === undefined
      ? object(secret["tls_certificate"])["certificate_chain"]
      : object(secret["validation_context"])["trusted_ca"];
  const bytes = Buffer.from(text(object(source)["inline_bytes"]), "base64");
  try {
    return bytes.length === 0 ? undefined : new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function describe(certificate: X509Certificate | undefined, status: string): string[] {
  if (certificate === undefined) return ["", status, "false", "", "", ""];
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  const now = Date.now();
  return [
    certificate.ca ? "CA" : "Cert Chain",
    status,
    String(from.getTime() < now && now < to.getTime()),
    certificate.serialNumber.toLowerCase().padStart(32, "0"),
    seconds(to),
    seconds(from),
  ];
}

const seconds = (time: Date) => time.toISOString().replace(/\.\d+Z$/, "Z");
