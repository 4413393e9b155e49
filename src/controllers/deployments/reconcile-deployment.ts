import { type Deployment, isEmptySelector, kinds, type ReplicaSet, type Requeue } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { splitKey } from "../core/keys.ts";
import { claimDependents } from "../core/owners.ts";
import { isFinished } from "../core/pods.ts";
import {
  actualReplicas,
  annotations,
  availableReplicas,
  isOlderSet,
  isRolling,
  newSetReplicas,
  proportionalSizes,
  revisionOf,
  rollingLimits,
  specReplicas,
  wantedReplicas,
} from "./deployment-math.ts";
import {
  isComplete,
  updateRolloutStatus,
  updateStatusOnly,
  withPausedCondition,
} from "./deployment-status.ts";
import {
  allOf,
  component,
  type ReplicaSets,
  scaleReplicaSet,
  splitReplicaSets,
  syncRevision,
} from "./replica-sets-of.ts";

/**
 * Takes one Deployment one step nearer to what it asks for: its ReplicaSets, their sizes, its status. Each step
 * changes a ReplicaSet, whose change brings the next.
 */
export async function reconcileDeployment(cluster: Cluster, key: string): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  let deployment = cluster.store(kinds.deployments).get(name, namespace);
  if (deployment === undefined) return undefined;
  if (isEmptySelector(deployment.spec.selector)) {
    const message = "This deployment is selecting all pods. A non-empty selector is required.";
    cluster.events.record(component, deployment, { type: "Warning", reason: "SelectingAll", message });
    return undefined;
  }
  const owned = await claimDependents(cluster, {
    owner: deployment,
    ownerKind: kinds.deployments,
    selector: deployment.spec.selector,
    kind: kinds.replicaSets,
  });
  const found = splitReplicaSets(deployment, owned);
  if (deployment.metadata.deletionTimestamp !== undefined) {
    await updateStatusOnly(cluster, deployment, found);
    return undefined;
  }
  deployment = await withPausedCondition(cluster, deployment);
  if (deployment.spec.paused === true || wasScaled(deployment, owned))
    return scaleOnly(cluster, deployment, found);
  return isRolling(deployment) ? rollOver(cluster, deployment, found) : recreate(cluster, deployment, found);
}

/** Whether spec.replicas changed since the ReplicaSets were sized last. */
function wasScaled(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some(({ spec, metadata }) => {
    const noted = metadata.annotations?.[annotations.desiredReplicas];
    return (spec.replicas ?? 1) > 0 && noted !== undefined && Number(noted) !== wantedReplicas(deployment);
  });
}

async function scaleOnly(cluster: Cluster, deployment: Deployment, found: ReplicaSets): Promise<undefined> {
  const synced = await syncRevision(cluster, deployment, found, false);
  const sized = await resize(cluster, deployment, synced);
  if (deployment.spec.paused === true) await forgetOldRevisions(cluster, deployment, sized.old);
  await updateStatusOnly(cluster, deployment, sized);
}

/** Spreads a changed spec.replicas over the ReplicaSets that there are. */
async function resize(cluster: Cluster, deployment: Deployment, sets: ReplicaSets): Promise<ReplicaSets> {
  const wanted = wantedReplicas(deployment);
  const active = allOf(sets).filter(({ spec }) => (spec.replicas ?? 1) > 0);
  const resizeAll = async (sizes: readonly { readonly set: ReplicaSet; readonly replicas: number }[]) => {
    const scaled = new Map<string, ReplicaSet>();
    for (const { set, replicas } of sizes) {
      scaled.set(set.metadata.name, await scaleReplicaSet(cluster, deployment, set, replicas));
    }
    const after = (set: ReplicaSet) => scaled.get(set.metadata.name) ?? set;
    return { current: sets.current && after(sets.current), old: sets.old.map(after) };
  };
  if (active.length <= 1) {
    const only = active[0] ?? sets.current ?? [...sets.old].sort(isOlderSet).at(-1);
    return only === undefined ? sets : resizeAll([{ set: only, replicas: wanted }]);
  }
  if (isSaturated(deployment, sets.current)) {
    return resizeAll(active.filter((set) => set !== sets.current).map((set) => ({ set, replicas: 0 })));
  }
  return isRolling(deployment) ? resizeAll(proportionalSizes(deployment, active)) : sets;
}

function isSaturated(deployment: Deployment, current: ReplicaSet | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    current !== undefined &&
    (current.spec.replicas ?? 1) === wanted &&
    Number(current.metadata.annotations?.[annotations.desiredReplicas]) === wanted &&
    current.status?.availableReplicas === wanted
  );
}

async function rollOver(
  cluster: Cluster,
  deployment: Deployment,
  found: ReplicaSets,
): Promise<Requeue | undefined> {
  const sets = await syncRevision(cluster, deployment, found, true);
  const { current } = sets;
  if (current !== undefined) {
    const present = current.spec.replicas ?? 1;
    const wanted = wantedReplicas(deployment);
    const replicas = present > wanted ? wanted : newSetReplicas(deployment, allOf(sets), present);
    if (replicas !== present) {
      const scaled = await scaleReplicaSet(cluster, deployment, current, replicas);
      return updateRolloutStatus(cluster, deployment, { ...sets, current: scaled });
    }
    const old = await shrinkOld(cluster, deployment, current, sets.old);
    if (old !== undefined) return updateRolloutStatus(cluster, deployment, { ...sets, old });
  }
  if (isComplete(deployment, deployment.status)) await forgetOldRevisions(cluster, deployment, sets.old);
  return updateRolloutStatus(cluster, deployment, sets);
}

/** Shrinks old ReplicaSets as far as availability allows, broken pods first. Undefined: nothing could be done. */
async function shrinkOld(
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): Promise<readonly ReplicaSet[] | undefined> {
  if (specReplicas(old) === 0) return undefined;
  const minAvailable = wantedReplicas(deployment) - rollingLimits(deployment).maxUnavailable;
  const newUnavailable = (current.spec.replicas ?? 1) - (current.status?.availableReplicas ?? 0);
  let mayGo = specReplicas([...old, current]) - minAvailable - newUnavailable;
  if (mayGo <= 0) return undefined;
  let hasShrunk = false;
  const shrunk: ReplicaSet[] = [];
  for (const set of old) {
    const present = set.spec.replicas ?? 1;
    const broken = Math.min(mayGo, present - (set.status?.availableReplicas ?? 0));
    if (present === 0 || broken <= 0) {
      shrunk.push(set);
      continue;
    }
    mayGo -= broken;
    hasShrunk = true;
    shrunk.push(await scaleReplicaSet(cluster, deployment, set, present - broken));
  }
  let surplus = availableReplicas([...shrunk, current]) - minAvailable;
  for (const [i, set] of shrunk.entries()) {
    const present = set.spec.replicas ?? 1;
    const less = Math.min(surplus, present);
    if (less <= 0) continue;
    surplus -= less;
    hasShrunk = true;
    shrunk[i] = await scaleReplicaSet(cluster, deployment, set, present - less);
  }
  return hasShrunk ? shrunk : undefined;
}

/** Strategy Recreate: every old pod is gone before the first new one comes. */
async function recreate(
  cluster: Cluster,
  deployment: Deployment,
  found: ReplicaSets,
): Promise<Requeue | undefined> {
  const before = await syncRevision(cluster, deployment, found, false);
  const active = before.old.filter(({ spec }) => (spec.replicas ?? 1) > 0);
  if (active.length > 0) {
    const old: ReplicaSet[] = [];
    for (const set of before.old) {
      old.push(active.includes(set) ? await scaleReplicaSet(cluster, deployment, set, 0) : set);
    }
    return updateRolloutStatus(cluster, deployment, { ...before, old });
  }
  if (hasOldPods(cluster, before.old)) return updateRolloutStatus(cluster, deployment, before);
  const sets = await syncRevision(cluster, deployment, before, true);
  const current =
    sets.current && (await scaleReplicaSet(cluster, deployment, sets.current, wantedReplicas(deployment)));
  if (isComplete(deployment, deployment.status)) await forgetOldRevisions(cluster, deployment, sets.old);
  return updateRolloutStatus(cluster, deployment, { ...sets, current });
}

function hasOldPods(cluster: Cluster, old: readonly ReplicaSet[]): boolean {
  if (actualReplicas(old) > 0) return true;
  return old.some((set) =>
    cluster
      .store(kinds.pods)
      .ownedBy(set.metadata.uid ?? "")
      .some((pod) => !isFinished(pod)),
  );
}

/** Deletes old, empty ReplicaSets beyond spec.revisionHistoryLimit, lowest revision first. */
async function forgetOldRevisions(
  cluster: Cluster,
  deployment: Deployment,
  old: readonly ReplicaSet[],
): Promise<void> {
  const { revisionHistoryLimit = 10 } = deployment.spec;
  const alive = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const surplus = alive.length - revisionHistoryLimit;
  if (surplus <= 0) return;
  const sorted = [...alive].sort((a, b) => revisionOf(a) - revisionOf(b) || isOlderSet(a, b));
  for (const set of sorted.slice(0, surplus)) {
    const isEmpty = (set.spec.replicas ?? 1) === 0 && (set.status?.replicas ?? 0) === 0;
    const isObserved = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
    if (isEmpty && isObserved) await cluster.remove(kinds.replicaSets, set);
  }
}
