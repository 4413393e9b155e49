import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import { ConfigError } from "../../config/config-error.ts";

/** The public keys of one issuer (RFC 7517). */
export interface KeySet {
  /** "unmatched": no key has the token's id and algorithm. */
  verify(token: {
    readonly alg: string;
    readonly kid: string | undefined;
    /** Header and payload as they were signed. */
    readonly signed: string;
    readonly signature: Buffer;
  }): "good" | "bad" | "unmatched";
}

interface Algorithm {
  readonly type: "rsa" | "ec" | "ed25519";
  readonly hash: string | null;
  readonly pss?: boolean;
  readonly curve?: string;
}

/** JWS algorithms by name (RFC 7518, RFC 8037). Those with shared keys are left out: a proxy would hold them. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { type: "rsa", hash: "sha256" },
  RS384: { type: "rsa", hash: "sha384" },
  RS512: { type: "rsa", hash: "sha512" },
  PS256: { type: "rsa", hash: "sha256", pss: true },
  PS384: { type: "rsa", hash: "sha384", pss: true },
  PS512: { type: "rsa", hash: "sha512", pss: true },
  ES256: { type: "ec", hash: "sha256", curve: "prime256v1" },
  ES384: { type: "ec", hash: "sha384", curve: "secp384r1" },
  ES512: { type: "ec", hash: "sha512", curve: "secp521r1" },
  EdDSA: { type: "ed25519", hash: null },
};

export function isKnownAlgorithm(name: string): boolean {
  return Object.hasOwn(algorithms, name);
}

/** Reads a JWK set. Keys of other kinds are passed over; throws ConfigError on text that is none. */
export function readKeySet(text: string, where: string): KeySet {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (reason) {
    throw new ConfigError(`${where}: JWKS is no JSON: ${String(reason)}`);
  }
  const list = (parsed as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(list)) throw new ConfigError(`${where}: JWKS without "keys"`);
  const keys = list.flatMap((jwk: JsonWebKey & { readonly kid?: string; readonly alg?: string }) => {
    const key = readKey(jwk);
    return key === undefined ? [] : [{ key, kid: jwk.kid, alg: jwk.alg }];
  });
  return {
    verify({ alg, kid, signed, signature }) {
      const algorithm = algorithms[alg];
      if (algorithm === undefined) return "unmatched";
      const fitting = keys.filter(
        (key) =>
          (kid === undefined || key.kid === undefined || key.kid === kid) &&
          (key.alg === undefined || key.alg === alg),
      );
      if (fitting.length === 0) return "unmatched";
      const isGood = fitting.some(
        ({ key }) => isOfKind(key, algorithm) && isSignedBy(key, algorithm, signed, signature),
      );
      return isGood ? "good" : "bad";
    },
  };
}

function readKey(jwk: JsonWebKey): KeyObject | undefined {
  // A set may hold keys for other uses, and what this library does not know.
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    return undefined;
  }
}

function isOfKind(key: KeyObject, { type, curve }: Algorithm): boolean {
  if (key.asymmetricKeyType !== type) return false;
  return curve === undefined || key.asymmetricKeyDetails?.namedCurve === curve;
}

function isSignedBy(
  key: KeyObject,
  { hash, pss, type }: Algorithm,
  signed: string,
  signature: Buffer,
): boolean {
  const data = Buffer.from(signed, "latin1");
  if (type === "ec") return verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, signature);
  if (pss === true) {
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
    return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
  }
  return verify(hash, data, key, signature);
}
