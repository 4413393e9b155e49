import { type Logger, systemClock } from "../base/index.ts";
import {
  formatKubeconfig,
  formatYaml,
  jsonEqual,
  type KubeClient,
  type KubeObject,
  kubeconfigToken,
  parseKubeconfig,
  readerAccount,
  requestToken,
  type Secret,
} from "../kube/index.ts";
import { renewalTime } from "../management/index.ts";
import { accountToken, accountTokenSecret, whenAccount } from "./account-token.ts";

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
  /** How long the token shall live, in seconds, and the kubeconfig that there is; absent: without an end. */
  readonly ending?: { readonly lifetime: number; readonly present: string | undefined };
  /** Told of the Secret that holds a token without an end, before it is made. */
  note?(made: KubeObject): Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * The kubeconfig, as YAML, with which another cluster's istiod reads `remote`: its reader account with a long-lived
 * token, made the way `istioctl create-remote-secret` does, or with one that ends, which stays until half of its life is
 * over. Waits for the account until `signal` aborts.
 */
export async function remoteKubeconfig(remote: RemoteApi, options: RemoteKubeconfigOptions): Promise<string> {
  const { name, server, apiCa: ca, client } = remote;
  const { namespace, ending, ...rest } = options;
  const withToken = (token: string) => formatYaml(formatKubeconfig([{ name, server, ca, token }]));
  if (ending === undefined)
    return withToken(
      await accountToken(client, { namespace, account: readerAccount, secret: tokenSecret, ...rest }),
    );
  const { lifetime, present } = ending;
  const kept = present === undefined ? undefined : kubeconfigToken(present);
  if (
    present !== undefined &&
    kept !== undefined &&
    (renewalTime(present, lifetime) ?? 0) > systemClock.now()
  ) {
    const wanted = withToken(kept);
    // Written otherwise, it may say the same.
    return jsonEqual(parseKubeconfig(present), parseKubeconfig(wanted)) ? present : wanted;
  }
  await whenAccount(client, { namespace, account: readerAccount, ...rest });
  const { token } = await requestToken(
    client,
    { namespace, name: readerAccount },
    { expirationSeconds: lifetime },
  );
  return withToken(token);
}

/** The Secret that asks for the reader account's token, in the cluster that is read. */
export function readerTokenSecret(namespace: string): Secret {
  return accountTokenSecret({ namespace, account: readerAccount, secret: tokenSecret });
}
