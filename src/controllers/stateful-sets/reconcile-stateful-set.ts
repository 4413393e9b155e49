import { kinds, type Pod, type Requeue } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import {
  type Revisions,
  revisionHash,
  revisionLabel,
  syncRevisions,
  templateOf,
} from "../core/controller-revisions.ts";
import { splitKey } from "../core/keys.ts";
import { claimDependents } from "../core/owners.ts";
import type { PodControl } from "../core/pod-control.ts";
import { availableIn, isFinished, isReady, isTerminating } from "../core/pods.ts";
import { withoutZeros } from "../core/without-zeros.ts";
import { ensureClaims, statefulPod } from "./stateful-pod.ts";
import { ordinalOf, type StatefulSet, statefulSets } from "./stateful-set.ts";

/** One StatefulSet with what it has, by ordinal. */
interface State {
  readonly set: StatefulSet;
  readonly pods: ReadonlyMap<number, Pod>;
  readonly revisions: Revisions;
  /** The revision that all pods had before the update under way. */
  readonly currentRevision: string;
}

/**
 * Takes one StatefulSet a step further: creates pods in order, deletes those beyond spec.replicas in reverse, then
 * replaces outdated ones from the last to the first. OrderedReady does one at a time and waits for it to be ready.
 */
export async function reconcileStatefulSet(
  cluster: Cluster,
  control: PodControl,
  key: string,
  wake: () => void,
): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const set = cluster.store(statefulSets).get(name, namespace);
  if (set === undefined) return undefined;
  const claimed = await claimDependents(cluster, {
    owner: set,
    ownerKind: statefulSets,
    selector: set.spec.selector,
    kind: kinds.pods,
    isCandidate: (pod) => ordinalOf(set, pod) !== undefined,
  });
  const pods = new Map<number, Pod>();
  for (const pod of claimed) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) pods.set(ordinal, pod);
  }
  const inUse = new Set(claimed.flatMap(({ metadata }) => metadata.labels?.[revisionLabel] ?? []));
  for (const revision of [set.status?.currentRevision, set.status?.updateRevision])
    if (revision !== undefined) inUse.add(revision);
  const revisions = await syncRevisions(cluster, {
    owner: set,
    ownerKind: statefulSets,
    selector: set.spec.selector,
    template: set.spec.template,
    historyLimit: set.spec.revisionHistoryLimit ?? 10,
    inUse,
  });
  const known = revisions.all.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  const state = { set, pods, revisions, currentRevision: (known ?? revisions.update).metadata.name };
  let failure: unknown;
  if (set.metadata.deletionTimestamp === undefined) {
    await step(cluster, control, state, wake).catch((reason) => {
      failure = reason ?? new Error("failed without a reason");
    });
  }
  const soon = await updateStatus(cluster, state);
  if (failure !== undefined) throw failure;
  return soon === undefined ? undefined : { requeueAfter: soon };
}

/** Does what may be done now. Whatever it waits for, a pod's change brings it back. */
async function step(cluster: Cluster, control: PodControl, state: State, wake: () => void): Promise<void> {
  const { set, pods } = state;
  const isOrdered = (set.spec.podManagementPolicy ?? "OrderedReady") === "OrderedReady";
  const start = set.spec.ordinals?.start ?? 0;
  const end = start + (set.spec.replicas ?? 1);
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = pods.get(ordinal);
    if (pod === undefined) {
      await createPod(cluster, control, state, ordinal, wake);
      if (isOrdered) return;
    } else if (isFinished(pod) && !isTerminating(pod)) {
      await control.remove(set, pod);
      return;
    } else if (isOrdered && !isHealthy(cluster, set, pod)) return;
  }
  const condemned = [...pods]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .sort(([a], [b]) => b - a);
  for (const [, pod] of condemned) {
    if (!isTerminating(pod)) await control.remove(set, pod);
    if (isOrdered) return;
  }
  if (condemned.length > 0 || (set.spec.updateStrategy?.type ?? "RollingUpdate") !== "RollingUpdate") return;
  const partition = start + (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  const update = revisionHash(state.revisions.update);
  for (let ordinal = end - 1; ordinal >= Math.max(start, partition); ordinal--) {
    const pod = pods.get(ordinal);
    if (pod === undefined) return;
    if (pod.metadata.labels?.[revisionLabel] !== update) {
      if (!isTerminating(pod)) await control.remove(set, pod);
      return;
    }
    if (!isHealthy(cluster, set, pod)) return;
  }
}

async function createPod(
  cluster: Cluster,
  control: PodControl,
  { set, revisions, currentRevision }: State,
  ordinal: number,
  wake: () => void,
): Promise<void> {
  const start = set.spec.ordinals?.start ?? 0;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  // During a partitioned update, and where the update stands still, a lost pod comes back as it was.
  const isBefore = ordinal < start + (partition > 0 ? partition : (set.status?.currentReplicas ?? 0));
  const wanted = isBefore
    ? revisions.all.find(({ metadata }) => metadata.name === currentRevision)
    : revisions.update;
  const revision = wanted ?? revisions.update;
  const pod = statefulPod(set, templateOf(revision) ?? set.spec.template, ordinal, revisionHash(revision));
  await ensureClaims(cluster, set, pod);
  await control.create(set, pod, wake);
}

function isHealthy(cluster: Cluster, set: StatefulSet, pod: Pod): boolean {
  return !isTerminating(pod) && availableIn(pod, set.spec.minReadySeconds ?? 0, cluster.clock.now()) === 0;
}

/** Gives the milliseconds until the next pod becomes available by time alone. */
async function updateStatus(
  cluster: Cluster,
  { set: before, revisions, currentRevision }: State,
): Promise<number | undefined> {
  const { name, namespace, uid = "", generation } = before.metadata;
  const set = cluster.store(statefulSets).get(name, namespace);
  if (set === undefined || set.metadata.uid !== uid) return undefined;
  const pods = cluster
    .store(kinds.pods)
    .ownedBy(uid)
    .filter((pod) => ordinalOf(set, pod) !== undefined);
  const living = pods.filter((pod) => !isTerminating(pod));
  const ofRevision = (revision: string) =>
    living.filter(({ metadata }) => metadata.labels?.[revisionLabel] === revision).length;
  const waits = living.flatMap(
    (pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, cluster.clock.now()) ?? [],
  );
  const updateRevision = revisionHash(revisions.update);
  const readyReplicas = pods.filter(isReady).length;
  const updatedReplicas = ofRevision(updateRevision);
  const isUpdated =
    updatedReplicas === pods.length &&
    readyReplicas === pods.length &&
    pods.length === (set.spec.replicas ?? 1);
  const counters = {
    observedGeneration: generation ?? 0,
    replicas: pods.length,
    readyReplicas,
    availableReplicas: waits.filter((wait) => wait === 0).length,
    currentReplicas: isUpdated ? updatedReplicas : ofRevision(currentRevision),
    updatedReplicas,
    currentRevision: isUpdated ? updateRevision : currentRevision,
    updateRevision,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  const status: NonNullable<StatefulSet["status"]> = {
    ...withoutZeros(counters, ["readyReplicas", "currentReplicas", "updatedReplicas"]),
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
  if (!isEquivalent(status, set.status)) await cluster.replace(statefulSets, { ...set, status }, "status");
  const pending = waits.filter((wait) => wait > 0);
  return pending.length === 0 ? undefined : Math.min(...pending);
}
