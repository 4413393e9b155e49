import { createPrivateKey, type KeyObject } from "node:crypto";
import { generateKeyOf, type KeyType } from "../../pki/index.ts";
import type { CertificateSpec } from "./certificate-kinds.ts";

const curves: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };

/** The key that a Certificate asks for; RSA of 2048 bits, or the curve P-256, when it says no more. */
export function keyTypeOf({ privateKey }: CertificateSpec): KeyType {
  const { algorithm = "RSA", size } = privateKey ?? {};
  switch (algorithm) {
    case "RSA":
      return { algorithm, size: size ?? 2048 };
    case "ECDSA":
      return { algorithm, size: size === 384 || size === 521 ? size : 256 };
    case "Ed25519":
      return { algorithm };
  }
}

/** The fields in which a key is not what a Certificate asks for. */
export function keyMismatches(spec: CertificateSpec, key: KeyObject): readonly string[] {
  const wanted = keyTypeOf(spec);
  if (key.asymmetricKeyType !== { RSA: "rsa", ECDSA: "ec", Ed25519: "ed25519" }[wanted.algorithm])
    return ["spec.privateKey.algorithm"];
  const { modulusLength, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  const size = modulusLength ?? curves[namedCurve];
  return wanted.algorithm !== "Ed25519" && size !== wanted.size ? ["spec.privateKey.size"] : [];
}

/** The fields that keep a present key from being used again; without mismatch it is used where the policy is Never. */
export async function chooseKey(spec: CertificateSpec, present: KeyObject | undefined): Promise<KeyObject> {
  const keepsKey = spec.privateKey?.rotationPolicy === "Never" && present !== undefined;
  if (!keepsKey) return generateKeyOf(keyTypeOf(spec));
  const wrong = keyMismatches(spec, present);
  if (wrong.length === 0) return present;
  throw new RotationRefused(
    `User intervention required: existing private key in Secret ${JSON.stringify(spec.secretName)} does not match requirements on Certificate resource, mismatching fields: [${wrong.join(" ")}], but cert-manager cannot create new private key as the Certificate's .spec.privateKey.rotationPolicy is set to Never. To allow cert-manager to create a new private key you can set .spec.privateKey.rotationPolicy to 'Always'`,
  );
}

/** A new key would be needed, and the Certificate forbids it. */
export class RotationRefused extends Error {}

/** A private key from PEM, or undefined when the text is none. */
export function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** PEM as privateKey.encoding has it: PKCS1 (for ECDSA: SEC1) unless PKCS8 is asked for. */
export function privateKeyPem(key: KeyObject, { privateKey }: CertificateSpec): string {
  const isPkcs8 = privateKey?.encoding === "PKCS8" || key.asymmetricKeyType === "ed25519";
  const old = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  return String(key.export({ type: isPkcs8 ? "pkcs8" : old, format: "pem" }));
}
