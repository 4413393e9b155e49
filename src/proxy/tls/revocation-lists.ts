/** The lists of a PEM text one by one: node:tls reads only the first of several. Throws when there is none. */
export function revocationLists(pem: string): string[] {
  const lists = revocationListsIn(pem);
  if (lists.length === 0) throw new Error("the crl holds no X509 CRL in PEM");
  return lists;
}

/** Those among certificates; often none. */
export function revocationListsIn(pem: string): string[] {
  return pem.match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? [];
}
