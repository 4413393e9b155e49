import { type Clock, createRetry, createSignal, type Logger, waitFor } from "../../base/index.ts";
import {
  type Informer,
  type KubeClient,
  kinds,
  systemNamespace as namespace,
  readerAccount,
  remoteKubeconfigIn,
  remoteSecretName,
  requestToken,
  type Secret,
  withKubeconfigToken,
} from "../../kube/index.ts";
import { renewalTime } from "./renewal-time.ts";

export interface RemoteCredentialOptions {
  /** The cluster whose control plane reads the other, and where the Secret is. */
  readonly cluster: string;
  readonly client: KubeClient;
  /** Its Secrets, or that one alone. */
  readonly secrets: Informer<Secret>;
  /** The cluster that is read, as the Secret's key names it. */
  readonly remote: string;
  readonly remoteClient: KubeClient;
  /** How long tokens shall live, in seconds. */
  readonly lifetime: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Failures are tried again after this many milliseconds, by and by after more: many of them fit into half a life. */
const again = { first: 1_000, most: 60_000 } as const;
/** Timers reach no further than 24 days. */
const longestWait = 24 * 3_600_000;

/**
 * Keeps the token in the remote secret of one cluster alive, until `signal` aborts: it is replaced when half of its life is over.
 * What else the kubeconfig says, such as the address, stays. A Secret that is not there is waited for: whoever applies the
 * mesh makes it.
 */
export function keepRemoteCredential(options: RemoteCredentialOptions): void {
  const { cluster, remote, secrets, lifetime, clock, signal, log } = options;
  const wake = createSignal();
  secrets.changes.subscribe(() => wake.notify(), signal);
  let cancelTimer = () => {};
  const due = (): Secret | undefined => {
    cancelTimer();
    const secret = secrets.get(remoteSecretName(remote), namespace);
    const kubeconfig = remoteKubeconfigIn(secret, remote);
    const time = kubeconfig === undefined ? undefined : renewalTime(kubeconfig, lifetime);
    if (time === undefined) return undefined;
    const left = time - clock.now();
    if (left <= 0) return secret;
    cancelTimer = clock.after(Math.min(left, longestWait), () => wake.notify());
    return undefined;
  };
  const run = async () => {
    const retry = createRetry(clock, again);
    for (;;) {
      const secret = await waitFor(due, { signal, changes: wake });
      try {
        await renew(secret, options);
        log.info({ cluster, remote }, "a remote credential was renewed");
        retry.reset();
        // Else the one before it would be found due once more.
        const isTaken = () =>
          secrets.get(remoteSecretName(remote), namespace)?.metadata.resourceVersion !==
          secret.metadata.resourceVersion
            ? true
            : undefined;
        await waitFor(isTaken, { signal, changes: wake });
      } catch (reason) {
        if (signal.aborted) return;
        log.warn(
          { cluster, remote, reason: String(reason) },
          "a remote credential can't be renewed: trying again",
        );
        await retry.wait(signal);
      }
    }
  };
  run().catch((reason: unknown) => {
    cancelTimer();
    if (!signal.aborted)
      log.error({ cluster, remote, reason: String(reason) }, "a remote credential is not kept");
  });
}

async function renew(secret: Secret, options: RemoteCredentialOptions): Promise<void> {
  const { client, remote, remoteClient, lifetime, clock } = options;
  const { token } = await requestToken(
    remoteClient,
    { namespace, name: readerAccount },
    { expirationSeconds: lifetime },
  );
  const kubeconfig = withKubeconfigToken(remoteKubeconfigIn(secret, remote) ?? "", token);
  if ((renewalTime(kubeconfig, lifetime) ?? 0) <= clock.now())
    throw new Error(`the API of ${remote} gives tokens of another life than ${lifetime} s`);
  const { name, labels = {}, annotations = {} } = secret.metadata;
  await client.apply(kinds.secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, labels, annotations },
    ...(secret.type === undefined ? {} : { type: secret.type }),
    data: { ...secret.data, [remote]: Buffer.from(kubeconfig).toString("base64") },
  });
}
