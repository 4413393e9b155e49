import { rootCertificates } from "node:tls";
import {
  type CertificateValidationContext,
  CertificateValidationContext_TrustChainVerification as TrustChainVerification,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { CommonTlsContext } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { inlineText } from "./inline-text.ts";
import { revocationLists, revocationListsIn } from "./revocation-lists.ts";
import { type SecretRef, type SecretStore, secretRef } from "./secret-store.ts";
import { compileSubjectTest, type SubjectTest } from "./subject-match.ts";

/** What a peer's certificate must be signed by, and what was revoked. */
export interface Trust {
  /** PEM; undefined: no root, nothing is checked. */
  readonly roots: string | string[] | undefined;
  /** PEM, one list each. With one of them, every issuer in a peer's chain needs its own. */
  readonly revoked: string[];
}

/** How peers are checked, wherever roots and lists come from. */
export interface TrustSource {
  /** Peers are asked for a certificate. */
  readonly asks: boolean;
  /** Whether a certificate that fails the checks ends the handshake. */
  readonly validates: boolean;
  readonly subject: SubjectTest;
  /** Equal for equal sources. */
  readonly key: string;
  readonly adsSecrets: readonly string[];
  generation(): number;
  /** Undefined while a secret is missing. */
  get(): Trust | undefined;
}

/** Reads the validation context of a TLS context. Throws ConfigError. */
export function compileTrust(
  common: CommonTlsContext | undefined,
  secrets: SecretStore,
  where: string,
): TrustSource {
  const { matching, ref } = validationOf(common);
  const inline = matching?.trustedCa === undefined ? undefined : inlineText(matching.trustedCa, where);
  const isSystem = ref?.name === "file-root:system";
  const asks = ref !== undefined || inline !== undefined || matching?.systemRootCerts !== undefined;
  const crl = revokedOf(matching, where);
  if (crl !== undefined && !asks) throw new ConfigError(`${where}: a crl needs a trusted_ca`);
  const refs = [
    ...(ref === undefined || isSystem ? [] : [ref]),
    ...(crl?.ref === undefined ? [] : [crl.ref]),
  ];
  for (const used of refs) secrets.use(used);
  const trustsAll = matching?.trustChainVerification === TrustChainVerification.ACCEPT_UNTRUSTED;

  function rootsNow(): Trust | undefined {
    const type = ref === undefined ? undefined : secrets.get(ref)?.type;
    if (type?.case === "validationContext" && type.value.trustedCa !== undefined) {
      const own = type.value.crl === undefined ? [] : revocationLists(inlineText(type.value.crl, where));
      return trust(inlineText(type.value.trustedCa, where), own);
    }
    if (ref !== undefined && !isSystem) return undefined;
    return trust(inline ?? (isSystem || matching?.systemRootCerts ? [...rootCertificates] : undefined), []);
  }

  return {
    asks,
    validates: asks && !trustsAll,
    subject: trustsAll ? undefined : compileSubjectTest(matching, where),
    key: JSON.stringify([
      ref === undefined ? (inline ?? (matching?.systemRootCerts ? "system" : "")) : keyOf(ref),
      crl?.text ?? (crl?.ref && keyOf(crl.ref)) ?? "",
    ]),
    adsSecrets: ref?.source === "ads" ? [ref.name] : [],
    generation: () => refs.reduce((sum, used) => sum + secrets.generation(used), 0),
    get() {
      const roots = rootsNow();
      if (roots === undefined || crl === undefined) return roots;
      const text = crl.text ?? revokedInFile(secrets, crl.ref, where);
      return text === undefined
        ? undefined
        : { ...roots, revoked: [...revocationLists(text), ...roots.revoked] };
    },
  };
}

/** The context whose names are matched, and the secret with the rest of it. */
function validationOf(common: CommonTlsContext | undefined): {
  matching: CertificateValidationContext | undefined;
  ref: SecretRef | undefined;
} {
  const type = common?.validationContextType;
  switch (type?.case) {
    case "validationContext":
      return { matching: type.value, ref: undefined };
    case "validationContextSdsSecretConfig":
      return { matching: undefined, ref: secretRef(type.value) };
    case "combinedValidationContext": {
      const { defaultValidationContext, validationContextSdsSecretConfig: sds } = type.value;
      return { matching: defaultValidationContext, ref: sds === undefined ? undefined : secretRef(sds) };
    }
    default:
      return { matching: undefined, ref: undefined };
  }
}

/** Where a context's own revocation lists are: in it, or in a file of the pod, which the agent reads. */
function revokedOf(
  context: CertificateValidationContext | undefined,
  where: string,
): { readonly text?: string; readonly ref?: SecretRef } | undefined {
  const source = context?.crl;
  if (source === undefined) return undefined;
  if (context?.onlyVerifyLeafCertCrl) {
    throw new ConfigError(`${where}: only_verify_leaf_cert_crl is not supported`);
  }
  if (source.specifier.case === "filename") {
    return { ref: { source: "agent", name: `file-crl:${source.specifier.value}` } };
  }
  const text = inlineText(source, where);
  try {
    revocationLists(text);
  } catch (reason) {
    throw new ConfigError(`${where}: ${(reason as Error).message}`);
  }
  return { text };
}

function revokedInFile(secrets: SecretStore, ref: SecretRef | undefined, where: string): string | undefined {
  const type = ref === undefined ? undefined : secrets.get(ref)?.type;
  return type?.case === "validationContext" && type.value.crl !== undefined
    ? inlineText(type.value.crl, where)
    : undefined;
}

/** Lists may stand among the roots as well (Envoy's trusted_ca). */
function trust(roots: string | string[] | undefined, revoked: readonly string[]): Trust {
  return { roots, revoked: [...(typeof roots === "string" ? revocationListsIn(roots) : []), ...revoked] };
}

const keyOf = (ref: SecretRef) => `${ref.source}/${ref.name}`;
