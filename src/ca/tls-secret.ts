import { splitPem } from "../pki/index.ts";
import type { CaFiles } from "./ca-files.ts";

/**
 * A CA in the form of a kubernetes.io/tls Secret, as cert-manager writes it and istiod takes it: `tls.crt` is the CA's certificate
 * with those above it, `ca.crt` the root. Undefined when one of the three is missing.
 */
export function caFilesOfTls(read: (name: string) => string | undefined): CaFiles | undefined {
  const [chain, key, root] = [read("tls.crt"), read("tls.key"), read("ca.crt")];
  const [own] = splitPem(chain ?? "");
  if (chain === undefined || own === undefined || !key || !root) return undefined;
  return { "ca-cert.pem": own, "ca-key.pem": key, "cert-chain.pem": chain, "root-cert.pem": root };
}
