import { createHash, X509Certificate } from "node:crypto";
import type { Diagnostic } from "../base/index.ts";
import type { CaFiles } from "./ca-files.ts";

/**
 * SHA-256 of the public keys (SubjectPublicKeyInfo, DER, hexadecimal) of the CAs in samples/certs of Istio's repository. Their
 * private keys are there too.
 */
const istioSamples: ReadonlySet<string> = new Set([
  "42d8cfd1102e06e3f2579e68f9db4f787ec9cbcd1f19f1bae7934cee918c2fef",
  "88e809261b157f0db238901c0033e6bfeba79793c20ab8af41963cdd41ce6600",
  "7c5f2208b98507d0d6f1fda0a6609e93fbb7fb434d39ed78b71e305e23d7a46d",
]);

/** A warning for each cluster whose CA has a key that everybody can download. */
export function warnOfPublishedKeys(
  files: ReadonlyMap<string, CaFiles>,
  published = istioSamples,
): readonly Diagnostic[] {
  return [...files]
    .filter(([, { "ca-cert.pem": certificate }]) => published.has(keyDigest(certificate)))
    .map(([cluster]) => ({
      severity: "warning",
      code: "mesh/publicly-known-key",
      path: ["clusters", cluster, "trust", "cacerts"],
      message: `${cluster}: the CA is one of Istio's samples, and its private key is publicly known: anybody can pass for any workload`,
      hint: "for more than a demonstration make one of your own: isthmus trust create DIR",
    }));
}

/** SHA-256 of a certificate's public key. */
export function keyDigest(certificatePem: string): string {
  const { publicKey } = new X509Certificate(certificatePem);
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}
