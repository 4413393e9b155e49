import type { Logger } from "../base/index.ts";
import {
  formatKubeconfig,
  formatYaml,
  type KubeClient,
  type KubeObject,
  type Secret,
} from "../kube/index.ts";
import { accountToken, accountTokenSecret } from "./account-token.ts";

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
  const token = await accountToken(remote.client, {
    account: readerAccount,
    secret: tokenSecret,
    ...options,
  });
  return formatYaml(formatKubeconfig([{ name, server, ca, token }]));
}

/** The Secret that asks for the reader account's token, in the cluster that is read. */
export function readerTokenSecret(namespace: string): Secret {
  return accountTokenSecret({ namespace, account: readerAccount, secret: tokenSecret });
}
