import { generateKeyPairSync, type KeyObject } from "node:crypto";

/** A private key with its public half. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** PKCS #8 PEM. */
  readonly privateKeyPem: string;
}

/** A new elliptic-curve key on P-256: small and, in Node, a hundred times faster to make than RSA. */
export function generateKey(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey,
    publicKey,
    get privateKeyPem() {
      return String(privateKey.export({ type: "pkcs8", format: "pem" }));
    },
  };
}
