import { IsthmusError } from "../base/index.ts";
import { ApiError } from "../kube/index.ts";

/** Why work on a cluster failed: what its API server answers is a failure of the cluster, too. */
export function clusterFailure(cluster: string, reason: unknown): IsthmusError {
  if (!(reason instanceof ApiError)) return IsthmusError.from(reason);
  const isRefusal = reason.code === 401 || reason.code === 403;
  return new IsthmusError(
    isRefusal ? "cluster/forbidden" : "cluster/unreachable",
    `the API of ${cluster} answers: ${reason.message}`,
    { cause: reason, ...(isRefusal ? { nextStep: "check the user of its context in the kubeconfig" } : {}) },
  );
}
