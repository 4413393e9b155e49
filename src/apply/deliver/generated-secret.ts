import type { CompiledItem } from "../../compile/index.ts";
import { type KubeObject, kinds, readerAccount, remoteKubeconfigIn } from "../../kube/index.ts";
import { remoteKubeconfig } from "../remote-kubeconfig.ts";
import type { WaitOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";
import { fromOther } from "./from-other.ts";
import { blocked, failureOf, type Others } from "./others.ts";
import { relayCredential } from "./relay-credential.ts";

/** Of Secrets that isthmus makes. */
export type MadeSource = Exclude<
  Extract<CompiledItem, { kind: "generated-secret" }>["source"],
  { readonly kind: "issued" }
>;

/**
 * The Secret of `cluster` with its data: its CA, the kubeconfig by which it reads another cluster, or what its agent calls the
 * manager with. Rejects with apply/blocked when the other cluster has failed.
 */
export async function fillSecret(
  object: KubeObject,
  source: MadeSource,
  cluster: Applying,
  others: Others,
  options: WaitOptions,
): Promise<KubeObject> {
  if (source.kind === "cacerts") return withData(object, { ...cluster.caFiles });
  const name = source.kind === "relay-credential" ? source.management : source.cluster;
  const other = others.applying.get(name);
  const failure = failureOf(name, others);
  if (failure !== undefined) throw blocked(cluster.name, `a credential of ${name}`, name, failure);
  if (other === undefined) return object;
  if (source.kind === "relay-credential")
    return withData(object, await relayCredential(cluster.name, other, others, options));
  const namespace = object.metadata.namespace ?? "istio-system";
  const ending =
    source.lifetime === undefined
      ? undefined
      : { lifetime: source.lifetime, present: await presentKubeconfig(object, name, cluster) };
  const kubeconfig = await fromOther(
    other,
    cluster.name,
    `the token of ServiceAccount ${namespace}/${readerAccount} in ${name}`,
    options,
    (signal) =>
      remoteKubeconfig(other, {
        namespace,
        ...(ending === undefined ? {} : { ending }),
        note: (made) => other.inventory.note([made]),
        signal,
        log: options.log,
      }),
  );
  return withData(object, { [name]: kubeconfig });
}

async function presentKubeconfig(
  { metadata: { name, namespace } }: KubeObject,
  remote: string,
  { client }: Applying,
): Promise<string | undefined> {
  const secret = await client.get(kinds.secrets, name, namespace);
  return remoteKubeconfigIn(secret, remote);
}

function withData(object: KubeObject, files: Readonly<Record<string, string>>): KubeObject {
  const data = Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString("base64")]);
  return { ...object, data: Object.fromEntries(data) };
}
