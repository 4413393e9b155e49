import type { Secret } from "../../kube/index.ts";
import type { Certificate } from "./certificate-kinds.ts";
import {
  certificateOf,
  changedFields,
  type IssuedSecret,
  isKeyPair,
  issuedBy,
  issuerOf,
  readIssued,
} from "./issued-secret.ts";
import { keyMismatches } from "./private-key.ts";
import { renewalTime } from "./validity.ts";

/** Why a certificate has to be issued, in cert-manager's words. */
export interface IssuingReason {
  readonly reason: string;
  readonly message: string;
  /** What is there still serves: its time to be renewed has come. */
  readonly isReady?: boolean;
}

/** When a certificate in a Secret lives, in milliseconds since 1970. */
export interface Life {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly renewal: number;
}

export type Judgement =
  | { readonly kind: "issue"; readonly why: IssuingReason; readonly present?: IssuedSecret }
  | { readonly kind: "keep"; readonly present: IssuedSecret; readonly life: Life };

/** Whether what the Secret holds is what the Certificate asks for, now. Pure. */
export function judge(certificate: Certificate, secret: Secret | undefined, now: number): Judgement {
  const issue = (
    reason: string,
    message: string,
    more: { readonly present?: IssuedSecret; readonly isReady?: boolean } = {},
  ): Judgement => {
    const { present, isReady = false } = more;
    const why = { reason, message, isReady };
    return present === undefined ? { kind: "issue", why } : { kind: "issue", why, present };
  };
  const { spec, metadata } = certificate;
  if (secret === undefined) return issue("DoesNotExist", "Issuing certificate as Secret does not exist");
  const present = readIssued(secret);
  if (typeof present === "string") return issue("MissingData", present);
  if (!isKeyPair(present))
    return issue(
      "InvalidKeyPair",
      "Issuing certificate as Secret contains an invalid key-pair: the private key is not that of the certificate",
    );
  const owner = certificateOf(secret);
  if (owner !== undefined && owner !== metadata.name)
    return issue(
      "IncorrectCertificate",
      `Secret was issued for ${JSON.stringify(owner)}. If this message is not transient, you might have two conflicting Certificates pointing to the same secret.`,
    );
  const by = issuedBy(secret);
  if (by !== issuerOf(spec))
    return issue(
      "IncorrectIssuer",
      `Issuing certificate as Secret was previously issued by ${JSON.stringify(by)}`,
      {
        present,
      },
    );
  const wrongKey = keyMismatches(spec, present.key);
  if (wrongKey.length > 0)
    return issue(
      "SecretMismatch",
      `Existing private key is not up to date for spec: [${wrongKey.join(" ")}]`,
      {
        present,
      },
    );
  const changed = changedFields(spec, secret);
  if (changed.length > 0)
    return issue(
      "SecretMismatch",
      `Existing issued Secret is not up to date for spec: [${changed.join(" ")}]`,
      {
        present,
      },
    );
  const [notBefore, notAfter] = [
    Date.parse(present.certificate.validFrom),
    Date.parse(present.certificate.validTo),
  ];
  const life = { notBefore, notAfter, renewal: renewalTime(spec, { notBefore, notAfter }) };
  if (now >= notAfter) return issue("Expired", `Certificate expired on ${goTime(notAfter)}`, { present });
  if (now >= life.renewal)
    return issue("Renewing", `Renewing certificate as renewal was scheduled at ${goTime(life.renewal)}`, {
      present,
      isReady: true,
    });
  return { kind: "keep", present, life };
}

/** "2026-01-02 03:04:05 +0000 UTC" */
function goTime(time: number): string {
  return new Date(time)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " +0000 UTC");
}
