/** One cluster as a kubeconfig names it; the context has the cluster's name. */
export interface KubeconfigEntry {
  readonly cluster: string;
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly user: { readonly clientCert: string; readonly clientKey: string } | { readonly token: string };
}

/** A kubeconfig with one context per cluster; the first one is current. */
export function makeKubeconfig(entries: readonly KubeconfigEntry[]): object {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: entries.map(({ cluster, server, ca }) => ({
      name: cluster,
      cluster: { "certificate-authority-data": base64(ca), server },
    })),
    contexts: entries.map(({ cluster }) => ({ name: cluster, context: { cluster, user: cluster } })),
    "current-context": entries[0]?.cluster ?? "",
    preferences: {},
    users: entries.map(({ cluster, user }) => ({
      name: cluster,
      user:
        "token" in user
          ? { token: user.token }
          : { "client-certificate-data": base64(user.clientCert), "client-key-data": base64(user.clientKey) },
    })),
  };
}
