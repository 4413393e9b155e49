import { type Logger, waitFor } from "../base/index.ts";
import {
  formatKubeconfig,
  formatYaml,
  type KubeClient,
  type KubeObject,
  kinds,
  type Secret,
  startInformer,
} from "../kube/index.ts";

/** The account of Istio's base chart as which a cluster is read from elsewhere. */
export const readerAccount = "istio-reader-service-account";
const tokenSecret = `${readerAccount}-istio-remote-secret-token`;

/** The API that a credential is for. */
export interface RemoteApi {
  readonly name: string;
  readonly client: KubeClient;
  /** How other clusters reach it. */
  readonly server: string;
  /** PEM of its CA. */
  readonly apiCa: string;
}

export interface RemoteKubeconfigOptions {
  /** Istio's namespace of that cluster, where the reader account is. */
  readonly namespace: string;
  /** Told of the Secret that holds the token, before it is made. */
  note?(made: KubeObject): Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * The kubeconfig, as YAML, with which another cluster's istiod reads `remote`: its reader account with a long-lived
 * token, made the way `istioctl create-remote-secret` does. Waits for the account until `signal` aborts.
 */
export async function remoteKubeconfig(remote: RemoteApi, options: RemoteKubeconfigOptions): Promise<string> {
  const { name, server, apiCa: ca } = remote;
  const token = await readerToken(remote.client, options);
  return formatYaml(formatKubeconfig([{ name, server, ca, token }]));
}

/** The Secret that asks for the reader account's token, in the cluster that is read. */
export function readerTokenSecret(namespace: string): Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/service-account-token",
    metadata: {
      name: tokenSecret,
      namespace,
      annotations: { "kubernetes.io/service-account.name": readerAccount },
    },
  };
}

async function readerToken(
  client: KubeClient,
  { namespace, log, note, ...options }: RemoteKubeconfigOptions,
): Promise<string> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    const accounts = startInformer(client, kinds.serviceAccounts, { namespace, signal, log });
    await waitFor(() => accounts.get(readerAccount, namespace), { signal, changes: accounts.changes });
    const secret = readerTokenSecret(namespace);
    await note?.(secret);
    await client.apply(kinds.secrets, secret);
    const secrets = startInformer(client, kinds.secrets, {
      namespace,
      fieldSelector: `metadata.name=${tokenSecret}`,
      signal,
      log,
    });
    const encoded = await waitFor(() => secrets.get(tokenSecret, namespace)?.data?.["token"], {
      signal,
      changes: secrets.changes,
    });
    return Buffer.from(encoded, "base64").toString("utf8");
  } finally {
    stop.abort();
  }
}
