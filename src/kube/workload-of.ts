import type { Pod } from "./types.ts";

/** What a pod belongs to: the object that a user wrote, as far as the pod itself tells. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty when neither the pod nor its owner has a name yet. */
  readonly name: string;
}

/** Names of Jobs that a CronJob made end with the minute they are for. */
const cronJobName = /^(.+)-\d{8,10}$/;

/**
 * The workload of a pod, by its controlling owner: a ReplicaSet whose name ends with the pod's template hash
 * stands for its Deployment, a Job named after a minute for its CronJob. A pod without an owner is its own.
 */
export function workloadOf(pod: Pod): Workload {
  const { ownerReferences, labels = {}, name = "" } = pod.metadata;
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return { apiVersion: "v1", kind: "Pod", name };
  const { apiVersion, kind } = owner;
  const isOf = (label: string) => {
    const hash = labels[label];
    return hash !== undefined && hash !== "" && owner.name.endsWith(`-${hash}`)
      ? owner.name.slice(0, -hash.length - 1)
      : undefined;
  };
  if (kind === "ReplicaSet") {
    const deployment = isOf("pod-template-hash");
    if (deployment !== undefined) return { apiVersion, kind: "Deployment", name: deployment };
    const rollout = isOf("rollouts-pod-template-hash");
    if (rollout !== undefined) return { apiVersion: "v1alpha1", kind: "Rollout", name: rollout };
  }
  const deploymentConfig = labels["deploymentconfig"];
  if (kind === "ReplicationController" && deploymentConfig !== undefined)
    return { apiVersion, kind: "DeploymentConfig", name: deploymentConfig };
  const cronJob = kind === "Job" ? cronJobName.exec(owner.name)?.[1] : undefined;
  if (cronJob !== undefined) return { apiVersion: "batch/v1", kind: "CronJob", name: cronJob };
  return { apiVersion, kind, name: owner.name };
}
