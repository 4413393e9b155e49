import { sign, X509Certificate } from "node:crypto";
import { toPem } from "../csr.ts";
import { bitString, integer, objectIdentifier, sequence, time } from "../der.ts";
import type { Issuer } from "../issue.ts";
import { oids } from "../names.ts";

/** Signs a list (RFC 5280 5.1, version 1, ECDSA) with which `issuer` revokes the given certificates, as PEM. */
export function makeRevocationList(issuer: Issuer, revoked: readonly string[]): string {
  const day = 86_400_000;
  const now = Date.now();
  const algorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));
  const entries = revoked.map((pem) =>
    sequence(integer(Buffer.from(new X509Certificate(pem).serialNumber, "hex")), time(now - 1000)),
  );
  const toBeSigned = sequence(
    algorithm,
    issuer.name,
    time(now - day),
    time(now + day),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return toPem(
    "X509 CRL",
    sequence(toBeSigned, algorithm, bitString(sign("sha256", toBeSigned, issuer.privateKey))),
  );
}
