import { type Logger, waitFor } from "../base/index.ts";
import {
  type KubeClient,
  type KubeObject,
  kinds,
  managementNamespace,
  type Secret,
  startInformer,
} from "../kube/index.ts";
import { agentAccount } from "../management/index.ts";

export interface AccountTokenOptions {
  readonly namespace: string;
  readonly account: string;
  /** Name of the Secret that holds the token; made when there is none. */
  readonly secret: string;
  /** Told of the Secret before it is made. */
  note?(made: KubeObject): Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A long-lived token of a service account. Waits for the account until `signal` aborts. */
export async function accountToken(
  client: KubeClient,
  { namespace, account, secret: name, log, note, ...options }: AccountTokenOptions,
): Promise<string> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    await whenAccount(client, { namespace, account, signal, log });
    const secret = accountTokenSecret({ namespace, account, secret: name });
    await note?.(secret);
    await client.apply(kinds.secrets, secret);
    const secrets = startInformer(client, kinds.secrets, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal,
      log,
    });
    const encoded = await waitFor(() => secrets.get(name, namespace)?.data?.["token"], {
      signal,
      changes: secrets.changes,
    });
    return Buffer.from(encoded, "base64").toString("utf8");
  } finally {
    stop.abort();
  }
}

/** Resolves when a service account is there. */
export async function whenAccount(
  client: KubeClient,
  { namespace, account, log, ...options }: Omit<AccountTokenOptions, "secret" | "note">,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    const accounts = startInformer(client, kinds.serviceAccounts, { namespace, signal, log });
    await waitFor(() => accounts.get(account, namespace), { signal, changes: accounts.changes });
  } finally {
    stop.abort();
  }
}

/** With what the agent of a cluster is known on the management cluster. */
export function agentToken(cluster: string) {
  const account = agentAccount(cluster);
  return { namespace: managementNamespace, account, secret: `${account}-token` };
}

/** The Secret that asks for a token of a service account. */
export function accountTokenSecret({
  namespace,
  account,
  secret: name,
}: Pick<AccountTokenOptions, "namespace" | "account" | "secret">): Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/service-account-token",
    metadata: { name, namespace, annotations: { "kubernetes.io/service-account.name": account } },
  };
}
