import { kinds, type Pod, type ReplicaSet, type Requeue } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withCondition, withoutCondition } from "../core/conditions.ts";
import { splitKey } from "../core/keys.ts";
import { claimDependents, controllerReference } from "../core/owners.ts";
import { type PodControl, podFromTemplate } from "../core/pod-control.ts";
import { availableIn, isActive, isReady } from "../core/pods.ts";
import { slowStart } from "../core/slow-start.ts";
import { withoutZeros } from "../core/without-zeros.ts";
import { podsToDelete } from "./pods-to-delete.ts";

/** The most pods that one look creates or deletes, so that a huge set leaves room for others. */
const mostAtOnce = 500;

/**
 * Makes the pods of one ReplicaSet as many as its spec.replicas, and its status true. `wake` brings the key back
 * when a refused pod may be accepted. A refusal is thrown, after the status tells of it.
 */
export async function reconcileReplicaSet(
  cluster: Cluster,
  control: PodControl,
  key: string,
  wake: () => void,
): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const replicaSet = cluster.store(kinds.replicaSets).get(name, namespace);
  if (replicaSet === undefined) return undefined;
  const owned = await claimDependents(cluster, {
    owner: replicaSet,
    ownerKind: kinds.replicaSets,
    selector: replicaSet.spec.selector,
    kind: kinds.pods,
    isCandidate: isActive,
  });
  const pods = owned.filter(isActive);
  const wanted = replicaSet.spec.replicas ?? 1;
  const failure =
    replicaSet.metadata.deletionTimestamp === undefined
      ? await scale(cluster, control, replicaSet, pods, wake)
      : undefined;
  const soon = await updateStatus(
    cluster,
    replicaSet,
    failure,
    pods.length < wanted ? "FailedCreate" : "FailedDelete",
  );
  if (failure !== undefined) throw failure;
  return soon === undefined ? undefined : { requeueAfter: soon };
}

/** Creates or deletes pods. Gives the first failure, if any, since the status is written all the same. */
async function scale(
  cluster: Cluster,
  control: PodControl,
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  wake: () => void,
): Promise<unknown> {
  const missing = (replicaSet.spec.replicas ?? 1) - pods.length;
  if (missing > 0) {
    const { namespace, name } = replicaSet.metadata;
    const owner = controllerReference(kinds.replicaSets, replicaSet);
    const pod = podFromTemplate(replicaSet.spec.template, { namespace, prefix: `${name}-`, owner });
    return slowStart(Math.min(missing, mostAtOnce), async () => {
      await control.create(replicaSet, pod, wake);
    });
  }
  if (missing < 0) {
    const surplus = podsToDelete(pods, Math.min(-missing, mostAtOnce), siblingsByNode(cluster, replicaSet));
    const results = await Promise.allSettled(surplus.map((pod) => control.remove(replicaSet, pod)));
    return results.find((result) => result.status === "rejected")?.reason;
  }
  return undefined;
}

/** Running pods a node, over all ReplicaSets of the same Deployment: where two share a node, one of them may rather go. */
function siblingsByNode(cluster: Cluster, replicaSet: ReplicaSet): ReadonlyMap<string, number> {
  const owner = replicaSet.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const sets = owner === undefined ? [replicaSet] : cluster.store(kinds.replicaSets).ownedBy(owner.uid);
  const counts = new Map<string, number>();
  for (const { metadata } of sets) {
    for (const pod of cluster.store(kinds.pods).ownedBy(metadata.uid ?? "")) {
      const { nodeName } = pod.spec;
      if (nodeName !== undefined && isActive(pod)) counts.set(nodeName, (counts.get(nodeName) ?? 0) + 1);
    }
  }
  return counts;
}

/** Writes the status if it is not true. Gives the milliseconds until the next pod becomes available by time alone. */
async function updateStatus(
  cluster: Cluster,
  before: ReplicaSet,
  failure: unknown,
  failureReason: string,
): Promise<number | undefined> {
  const { name, namespace, uid = "", generation } = before.metadata;
  // Adoption and the pods just made are in the stores already.
  const replicaSet = cluster.store(kinds.replicaSets).get(name, namespace);
  if (replicaSet?.metadata.uid !== uid || replicaSet === undefined) return undefined;
  const pods = cluster
    .store(kinds.pods)
    .ownedBy(uid)
    .filter((pod) => isActive(pod));
  const { minReadySeconds = 0, template } = replicaSet.spec;
  const labels = Object.entries(template.metadata?.labels ?? {});
  const waits = pods.flatMap((pod) => availableIn(pod, minReadySeconds, cluster.clock.now()) ?? []);
  const old = replicaSet.status?.conditions ?? [];
  const failed = findCondition(old, "ReplicaFailure");
  const conditions =
    failure === undefined
      ? failed === undefined
        ? old
        : withoutCondition(old, "ReplicaFailure")
      : withCondition(old, {
          type: "ReplicaFailure",
          status: "True",
          reason: failureReason,
          message: failure instanceof Error ? failure.message : String(failure),
          lastTransitionTime: cluster.timestamp(),
        });
  const counters = {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) =>
      labels.every(([label, value]) => pod.metadata.labels?.[label] === value),
    ).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: waits.filter((wait) => wait === 0).length,
    observedGeneration: generation ?? 0,
  };
  const status: NonNullable<ReplicaSet["status"]> = {
    ...withoutZeros(counters, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  if (!isEquivalent(status, replicaSet.status)) {
    await cluster.replace(kinds.replicaSets, { ...replicaSet, status }, "status");
  }
  const pending = waits.filter((wait) => wait > 0);
  return pending.length === 0 ? undefined : Math.min(...pending);
}
