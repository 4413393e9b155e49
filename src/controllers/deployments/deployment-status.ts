import { type Condition, type Deployment, kinds, type Requeue } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withCondition, withoutCondition } from "../core/conditions.ts";
import { withoutZeros } from "../core/without-zeros.ts";
import {
  actualReplicas,
  availableReplicas,
  rollingLimits,
  specReplicas,
  wantedReplicas,
} from "./deployment-math.ts";
import { allOf, progressing, type ReplicaSets } from "./replica-sets-of.ts";

type DeploymentStatus = NonNullable<Deployment["status"]>;

/** A deadline that Kubernetes takes for none. */
const noDeadline = 2 ** 31 - 1;

/** Whether the rollout has ended: every replica is updated and available, and nothing else is there. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    status !== undefined &&
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Writes counters and the Available condition, without judging the rollout. */
export async function updateStatusOnly(
  cluster: Cluster,
  deployment: Deployment,
  sets: ReplicaSets,
): Promise<void> {
  await write(cluster, deployment, countedStatus(cluster, deployment, sets));
}

/**
 * Writes the status with the Progressing condition as the rollout stands. Asks to be called again when the
 * progress deadline runs out, since no watch tells that.
 */
export async function updateRolloutStatus(
  cluster: Cluster,
  deployment: Deployment,
  sets: ReplicaSets,
): Promise<Requeue | undefined> {
  const counted = countedStatus(cluster, deployment, sets);
  let conditions = counted.conditions ?? [];
  const deadline = deadlineOf(deployment);
  const present = progressing(deployment);
  const wasComplete =
    (counted.replicas ?? 0) === (counted.updatedReplicas ?? 0) &&
    present?.reason === "NewReplicaSetAvailable";
  if (deadline === undefined) conditions = withoutCondition(conditions, "Progressing");
  else if (!wasComplete || sets.isNew === true)
    conditions = judgeProgress(cluster, deployment, counted, sets, conditions, deadline);
  const failed = [sets.current, ...sets.old].flatMap(
    (set) => findCondition(set?.status?.conditions, "ReplicaFailure") ?? [],
  )[0];
  conditions = withoutCondition(conditions, "ReplicaFailure");
  if (failed !== undefined) {
    const since = { lastUpdateTime: failed.lastTransitionTime ?? cluster.timestamp() };
    conditions = [...conditions, { ...failed, ...since }];
  }
  const status = { ...counted, conditions };
  await write(cluster, deployment, status);
  return untilDeadline(cluster, deployment, status, deadline);
}

function judgeProgress(
  cluster: Cluster,
  deployment: Deployment,
  status: DeploymentStatus,
  sets: ReplicaSets,
  conditions: readonly Condition[],
  deadline: number,
): readonly Condition[] {
  const now = cluster.timestamp();
  const what =
    sets.current === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${sets.current.metadata.name}"`;
  const condition = (state: "True" | "False", reason: string, message: string): Condition => ({
    type: "Progressing",
    status: state,
    reason,
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  });
  if (isComplete(deployment, status)) {
    const complete = condition("True", "NewReplicaSetAvailable", `${what} has successfully progressed.`);
    return withCondition(conditions, complete);
  }
  const present = findCondition(conditions, "Progressing");
  if (sets.isNew === true) {
    const created = `Created new replica set "${sets.current?.metadata.name}"`;
    return withCondition(conditions, condition("True", "NewReplicaSetCreated", created));
  }
  if (present === undefined || hasProgressed(deployment.status, status)) {
    const next = condition("True", "ReplicaSetUpdated", `${what} is progressing.`);
    if (present === undefined) return [...conditions, next];
    // Written anew even with the same reason: its lastUpdateTime is what the deadline counts from.
    const since = present.status === "True" ? present.lastTransitionTime : now;
    const dated = { ...next, ...(since === undefined ? {} : { lastTransitionTime: since }) };
    return [...withoutCondition(conditions, "Progressing"), dated];
  }
  if (hasTimedOut(cluster, present, deadline)) {
    return withCondition(
      conditions,
      condition("False", "ProgressDeadlineExceeded", `${what} has timed out progressing.`),
    );
  }
  return conditions;
}

function hasProgressed(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined) =>
    (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

function hasTimedOut(cluster: Cluster, { reason, lastUpdateTime }: Condition, deadline: number): boolean {
  if (reason === "NewReplicaSetAvailable") return false;
  if (reason === "ProgressDeadlineExceeded") return true;
  return (Date.parse(lastUpdateTime ?? "") || 0) + deadline < cluster.clock.now();
}

function untilDeadline(
  cluster: Cluster,
  deployment: Deployment,
  status: DeploymentStatus,
  deadline: number | undefined,
): Requeue | undefined {
  const condition = findCondition(status.conditions, "Progressing");
  if (deadline === undefined || condition === undefined || isComplete(deployment, status)) return undefined;
  if (
    ["NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused"].includes(
      condition.reason ?? "",
    )
  )
    return undefined;
  const due = (Date.parse(condition.lastUpdateTime ?? "") || 0) + deadline;
  // A second more, since times are written in whole seconds.
  return { requeueAfter: Math.max(0, due - cluster.clock.now()) + 1000 };
}

/** A pause or its end shows in the Progressing condition, so that the deadline doesn't run through a pause. */
export async function withPausedCondition(cluster: Cluster, deployment: Deployment): Promise<Deployment> {
  if (deadlineOf(deployment) === undefined) return deployment;
  const present = progressing(deployment);
  if (present?.reason === "ProgressDeadlineExceeded") return deployment;
  const isPaused = deployment.spec.paused === true;
  if (isPaused === (present?.reason === "DeploymentPaused")) return deployment;
  const now = cluster.timestamp();
  const condition: Condition = {
    type: "Progressing",
    status: "Unknown",
    reason: isPaused ? "DeploymentPaused" : "DeploymentResumed",
    message: isPaused ? "Deployment is paused" : "Deployment is resumed",
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  const conditions = withCondition(deployment.status?.conditions ?? [], condition);
  return cluster.replace(
    kinds.deployments,
    { ...deployment, status: { ...deployment.status, conditions } },
    "status",
  );
}

function countedStatus(cluster: Cluster, deployment: Deployment, sets: ReplicaSets): DeploymentStatus {
  const all = allOf(sets);
  const available = availableReplicas(all);
  const { collisionCount, conditions = [] } = deployment.status ?? {};
  const isAvailable = available >= wantedReplicas(deployment) - rollingLimits(deployment).maxUnavailable;
  const now = cluster.timestamp();
  const counters = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: actualReplicas(all),
    updatedReplicas: sets.current === undefined ? 0 : actualReplicas([sets.current]),
    readyReplicas: all.reduce((sum, { status }) => sum + (status?.readyReplicas ?? 0), 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, specReplicas(all) - available),
  };
  return {
    ...withoutZeros(counters, [
      "replicas",
      "updatedReplicas",
      "readyReplicas",
      "availableReplicas",
      "unavailableReplicas",
    ]),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(conditions, {
      type: "Available",
      status: isAvailable ? "True" : "False",
      reason: isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      message: isAvailable
        ? "Deployment has minimum availability."
        : "Deployment does not have minimum availability.",
      lastUpdateTime: now,
      lastTransitionTime: now,
    }),
  };
}

/** Milliseconds that a rollout may stand still, or undefined when it may for ever. */
function deadlineOf({ spec }: Deployment): number | undefined {
  const { progressDeadlineSeconds = 600 } = spec;
  return progressDeadlineSeconds >= noDeadline ? undefined : progressDeadlineSeconds * 1000;
}

async function write(cluster: Cluster, deployment: Deployment, status: DeploymentStatus): Promise<void> {
  const { name, namespace, uid } = deployment.metadata;
  // The revision annotation may have been written meanwhile; the status goes on top of that.
  const newest = cluster.store(kinds.deployments).get(name, namespace);
  if (newest === undefined || newest.metadata.uid !== uid || isEquivalent(newest.status, status)) return;
  await cluster.replace(kinds.deployments, { ...newest, status }, "status");
}
