import { generateKeyPairSync } from "node:crypto";
import { lazy } from "./proto.ts";

/** A key set whose private key nobody has: what proxies get instead of keys that are not known, so that no token is good. */
export const unknownKeySet = lazy(() => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] });
});
