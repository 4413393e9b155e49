import { remoteKubeconfig } from "../apply/index.ts";
import { IsthmusError, type Logger } from "../base/index.ts";
import { type KubeObject, kinds, readerAccount, remoteSecretName, systemNamespace } from "../kube/index.ts";
import type { RunningCluster } from "./wire.ts";

/**
 * The Secret with which an istiod elsewhere reads `cluster`, as `istioctl create-remote-secret` writes it. `name` is
 * what that istiod calls the cluster. It holds a token: for the one who asked, and for no log.
 */
export async function remoteSecret(
  { cluster, server, client, keys }: RunningCluster,
  options: { readonly name: string | undefined; readonly signal: AbortSignal; readonly log: Logger },
): Promise<KubeObject> {
  const name = options.name ?? cluster.name;
  if ((await client.get(kinds.serviceAccounts, readerAccount, systemNamespace)) === undefined) {
    throw new IsthmusError(
      "workload/not-found",
      `${cluster.name} has no ServiceAccount ${readerAccount} in ${systemNamespace}, as which its API is read`,
      { nextStep: "Clusters with a control plane or a primary have it, from Istio's base chart." },
    );
  }
  const kubeconfig = await remoteKubeconfig(
    { name, client, server, apiCa: keys.caCert },
    { namespace: systemNamespace, signal: options.signal, log: options.log },
  );
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: remoteSecretName(name),
      namespace: systemNamespace,
      labels: { "istio/multiCluster": "true" },
      annotations: { "networking.istio.io/cluster": name },
    },
    stringData: { [name]: kubeconfig },
  } as KubeObject;
}
