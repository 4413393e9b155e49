import type { ExtendedKeyUsage, KeyUsage } from "../../pki/index.ts";

const keyUsages: Readonly<Record<string, KeyUsage>> = {
  signing: "digitalSignature",
  "digital signature": "digitalSignature",
  "content commitment": "contentCommitment",
  "key encipherment": "keyEncipherment",
  "key agreement": "keyAgreement",
  "data encipherment": "dataEncipherment",
  "cert sign": "keyCertSign",
  "crl sign": "cRLSign",
  "encipher only": "encipherOnly",
  "decipher only": "decipherOnly",
};

const extendedKeyUsages: Readonly<Record<string, ExtendedKeyUsage>> = {
  any: "anyExtendedKeyUsage",
  "server auth": "serverAuth",
  "client auth": "clientAuth",
  "code signing": "codeSigning",
  "email protection": "emailProtection",
  "s/mime": "emailProtection",
  timestamping: "timeStamping",
  "ocsp signing": "ocspSigning",
};

/** Every usage that a Certificate may name. */
export const usageNames: readonly string[] = [...Object.keys(keyUsages), ...Object.keys(extendedKeyUsages)];

const defaultUsages = ["digital signature", "key encipherment"];

/** A Certificate's usages as X.509 has them. Without any: signatures and key encipherment, for whatever purpose. */
export function readUsages(
  usages: readonly string[] = defaultUsages,
  isCa = false,
): { readonly keyUsages: readonly KeyUsage[]; readonly extendedKeyUsages: readonly ExtendedKeyUsage[] } {
  const all = [...new Set([...usages, ...(isCa ? ["cert sign"] : [])])];
  return {
    keyUsages: [...new Set(all.flatMap((usage) => keyUsages[usage] ?? []))],
    extendedKeyUsages: [...new Set(all.flatMap((usage) => extendedKeyUsages[usage] ?? []))],
  };
}
