import type { Deployment } from "../kube/index.ts";
import type { Check, ClusterView, Finding } from "./contracts.ts";
import { kubectl } from "./text.ts";

const webhookCall = /failed calling webhook "([^"]*)"/;
const dialled = /dial tcp (\S+?): (?:connect: )?(.+)$/s;

/** Deployments whose pods the API server does not take, mostly because the injection webhook can't be reached. */
export const checkRefusedPods: Check = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.deployments.flatMap((deployment): Finding[] => {
      const refusal = deployment.status?.conditions?.find(
        ({ type, status }) => type === "ReplicaFailure" && status === "True",
      );
      return refusal === undefined
        ? []
        : [finding(cluster, deployment, refusal.message ?? refusal.reason ?? "")];
    }),
  );

function finding({ name: cluster, primary }: ClusterView, deployment: Deployment, message: string): Finding {
  const { name, namespace = "default" } = deployment.metadata;
  const missing = (deployment.spec.replicas ?? 1) - (deployment.status?.readyReplicas ?? 0);
  return {
    code: "workload/pods-refused",
    severity: "error",
    effect: `${namespace}/${name} of ${cluster} lacks ${missing} of ${deployment.spec.replicas ?? 1} pods`,
    cause: causeOf(message, cluster),
    evidence: [kubectl(cluster, `-n ${namespace} describe deployment ${name}`, `ReplicaFailure: ${message}`)],
    fix: webhookCall.test(message)
      ? `make the address answer: istiod of ${primary} and, for another cluster's, the gateway before it (ports 15012 and 15017)`
      : `see kubectl --context ${cluster} -n ${namespace} get events`,
  };
}

function causeOf(message: string, cluster: string): string {
  const webhook = webhookCall.exec(message)?.[1];
  if (webhook === undefined) return `the API server of ${cluster} refuses its pods: ${message}`;
  const [, address, why] = dialled.exec(message) ?? [];
  return address === undefined
    ? `the injection webhook ${webhook} does not answer: ${message}`
    : `the API server of ${cluster} cannot reach istiod at ${address} to inject the sidecar (${why?.trim()})`;
}
