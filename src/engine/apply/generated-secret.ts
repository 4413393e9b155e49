import { remoteKubeconfig } from "../../apply/index.ts";
import type { Logger } from "../../base/index.ts";
import type { CompiledItem } from "../../compile/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Applying } from "./applying.ts";
import { relayCredential } from "./relay-credential.ts";
import type { AddressOptions } from "./service-address.ts";

/** The Secret of `cluster` with its data: its CA, the kubeconfig by which it reads another cluster, or what its agent calls the manager with. */
export async function fillSecret(
  object: KubeObject,
  source: Extract<CompiledItem, { kind: "generated-secret" }>["source"],
  cluster: Applying,
  clusters: ReadonlyMap<string, Applying>,
  waiting: AddressOptions & { readonly log: Logger },
): Promise<KubeObject> {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  if (source.kind === "cacerts") {
    const files = Object.entries({ ...cluster.caFiles });
    return { ...object, data: Object.fromEntries(files.map(([name, text]) => [name, base64(text)])) };
  }
  if (source.kind === "relay-credential") {
    const management = clusters.get(source.management);
    if (management === undefined) return object;
    const files = await relayCredential(cluster.name, management, waiting);
    return {
      ...object,
      data: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, base64(text)])),
    };
  }
  const remote = clusters.get(source.cluster);
  if (remote === undefined) return object;
  const kubeconfig = await remoteKubeconfig(remote, {
    namespace: object.metadata.namespace ?? "istio-system",
    note: (made) => remote.inventory.note([made]),
    ...waiting,
  });
  return { ...object, data: { [source.cluster]: base64(kubeconfig) } };
}
