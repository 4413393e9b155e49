import { type Clock, IsthmusError } from "../base/index.ts";
import type { HttpTransportOptions } from "./http-transport.ts";
import { createTokenSource } from "./token-source.ts";

/** Where Kubernetes mounts a pod's service account. */
export const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface InClusterOptions {
  /** The pod's environment: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say where the API is. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A file of the service account's folder as it is now, "token" or "ca.crt"; undefined: there is none. */
  readFile(name: "token" | "ca.crt"): Promise<string | undefined>;
  readonly clock: Clock;
}

/**
 * How a program in a pod reaches the API of its cluster, as the pod's service account; goes into createHttpTransport. The
 * kubelet renews the token's file, so it is read again and again. Throws cluster/unreachable outside a pod.
 */
export async function inClusterAccess({
  env,
  readFile,
  clock,
}: InClusterOptions): Promise<HttpTransportOptions> {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = env;
  const ca = await readFile("ca.crt");
  const read = async () => {
    const token = await readFile("token");
    if (token === undefined || token.trim() === "")
      throw notInCluster("its service account's folder has no token");
    return token;
  };
  if (host === "") throw notInCluster("KUBERNETES_SERVICE_HOST is not set");
  if (ca === undefined) throw notInCluster("its service account's folder has no ca.crt");
  const tokens = createTokenSource({ read, clock });
  await tokens.current();
  return { server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`, ca, tokens };
}

function notInCluster(why: string): IsthmusError {
  return new IsthmusError(
    "cluster/unreachable",
    `this program runs in no pod that may reach its cluster's API: ${why}`,
    {
      nextStep:
        "In a pod, let automountServiceAccountToken be true; elsewhere name a cluster with --kubeconfig and --context.",
    },
  );
}
