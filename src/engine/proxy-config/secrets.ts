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

/** The certificates that a proxy uses under a name ("default", "ROOTCA"), as PEM; undefined when it has none yet. */
export function activeCertificates(dump: unknown, name: string): string | undefined {
  const active = objects(dumpSection(dump, "SecretsConfigDump")["dynamic_active_secrets"]);
  const entry = active.find((one) => text(one["name"]) === name);
  const certificates = entry === undefined ? "" : certificateText(object(entry["secret"]));
  return certificates === "" ? undefined : certificates;
}

/** The first certificate of a chain or of roots. */
function readCertificate(secret: JsonObject): X509Certificate | undefined {
  const certificates = certificateText(secret);
  try {
    return certificates === "" ? undefined : new X509Certificate(certificates);
  } catch {
    return undefined;
  }
}

function certificateText(secret: JsonObject): string {
  const source =
    secret["validation_context"] === undefined
      ? object(secret["tls_certificate"])["certificate_chain"]
      : object(secret["validation_context"])["trusted_ca"];
  return Buffer.from(text(object(source)["inline_bytes"]), "base64").toString("utf8");
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
