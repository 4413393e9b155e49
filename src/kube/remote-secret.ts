import { accessOf, kubeconfigObject, readKubeconfig } from "./kubeconfig.ts";
import type { Secret } from "./types.ts";
import { formatYaml } from "./yaml.ts";

/*
 * Remote secrets, with which a control plane reads another cluster, in the form of istioctl create-remote-secret: the key is the
 * cluster's name, its value a kubeconfig.
 */

/** The account of Istio's base chart as which a cluster is read from elsewhere. */
export const readerAccount = "istio-reader-service-account";

export function remoteSecretName(cluster: string): string {
  return `istio-remote-secret-${cluster}`;
}

/** The kubeconfig by which a remote secret names a cluster. */
export function remoteKubeconfigIn(secret: Secret | undefined, cluster: string): string | undefined {
  const encoded = secret?.data?.[cluster];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

/** The token in a kubeconfig's current context; undefined when it has none or can't be read. */
export function kubeconfigToken(text: string): string | undefined {
  try {
    return accessOf(readKubeconfig(text)).token;
  } catch {
    // It is somebody else's, and whoever uses it says what is wrong with it.
    return undefined;
  }
}

/** The kubeconfig with another token for the user of its current context. Throws arguments/wrong when it can't be read. */
export function withKubeconfigToken(text: string, token: string): string {
  const config = readKubeconfig(text);
  const user = config.contexts.get(config.currentContext)?.user ?? "";
  return formatYaml(kubeconfigObject({ ...config, users: new Map([...config.users, [user, { token }]]) }));
}
