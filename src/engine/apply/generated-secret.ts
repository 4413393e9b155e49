import { type Logger, waitFor } from "../../base/index.ts";
import type { CompiledItem } from "../../compile/index.ts";
import {
  formatKubeconfig,
  formatYaml,
  type KubeObject,
  kinds,
  type Secret,
  startInformer,
} from "../../kube/index.ts";
import type { Applying } from "./applying.ts";

const readerAccount = "istio-reader-service-account";
const tokenSecret = `${readerAccount}-istio-remote-secret-token`;

interface Waiting {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** The Secret of `cluster` with its data: its CA, or the kubeconfig by which it reads another cluster. */
export async function fillSecret(
  object: KubeObject,
  source: Extract<CompiledItem, { kind: "generated-secret" }>["source"],
  cluster: Applying,
  clusters: ReadonlyMap<string, Applying>,
  waiting: Waiting,
): Promise<KubeObject> {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  if (source.kind === "cacerts") {
    const files = Object.entries({ ...cluster.caFiles });
    return { ...object, data: Object.fromEntries(files.map(([name, text]) => [name, base64(text)])) };
  }
  const remote = clusters.get(source.cluster);
  if (remote === undefined) return object;
  const token = await readerToken(remote, object.metadata.namespace ?? "istio-system", waiting);
  const kubeconfig = formatKubeconfig([
    { name: source.cluster, server: remote.server, ca: remote.apiCa, token },
  ]);
  return { ...object, data: { [source.cluster]: base64(formatYaml(kubeconfig)) } };
}

/** The long-lived token of the remote's reader account, made the way `istioctl create-remote-secret` does. */
async function readerToken(
  { client, inventory }: Applying,
  namespace: string,
  waiting: Waiting,
): Promise<string> {
  const stop = new AbortController();
  const signal = AbortSignal.any([waiting.signal, stop.signal]);
  const { log } = waiting;
  try {
    const accounts = startInformer(client, kinds.serviceAccounts, { namespace, signal, log });
    await waitFor(() => accounts.get(readerAccount, namespace), { signal, changes: accounts.changes });
    const secret: Secret = {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/service-account-token",
      metadata: {
        name: tokenSecret,
        namespace,
        annotations: { "kubernetes.io/service-account.name": readerAccount },
      },
    };
    await inventory.note([secret]);
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
