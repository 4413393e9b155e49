import { IsthmusError } from "../base/index.ts";
import { ApiError } from "../kube/index.ts";

const resumes = "run this again: it resumes";

/**
 * Why work on a cluster failed, in words that name the cluster, with what to do: what its API server answers is a failure of the
 * cluster, too. What is a bug stays as it is.
 */
export function clusterFailure(cluster: string, reason: unknown): IsthmusError {
  if (reason instanceof ApiError) return answered(cluster, reason);
  const failure = IsthmusError.from(reason);
  const { code, message, nextStep, cause } = failure;
  if (code === "internal") return failure;
  const isNamed = message.split(/[^\w.-]+/).some((word) => word.replace(/\.$/, "") === cluster);
  if (isNamed && nextStep !== undefined) return failure;
  return new IsthmusError(code, isNamed ? message : `${cluster}: ${message}`, {
    cause,
    nextStep: nextStep ?? `Look whether its API server runs and can be reached from here, then ${resumes}.`,
  });
}

function answered(cluster: string, reason: ApiError): IsthmusError {
  const isRefusal = reason.code === 401 || reason.code === 403;
  return new IsthmusError(
    isRefusal ? "cluster/forbidden" : "cluster/unreachable",
    `the API of ${cluster} answers: ${reason.message}`,
    {
      cause: reason,
      nextStep: isRefusal
        ? `Check the user of its context in the kubeconfig, then ${resumes}.`
        : `When its API server is well again, ${resumes}.`,
    },
  );
}
