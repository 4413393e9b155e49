import { kinds, type Node, type Pod, type Requeue } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { revisionLabel, syncRevisions } from "../core/controller-revisions.ts";
import { splitKey } from "../core/keys.ts";
import { claimDependents, controllerReference } from "../core/owners.ts";
import { type PodControl, podFromTemplate } from "../core/pod-control.ts";
import { availableIn, isFinished, isReady, isTerminating } from "../core/pods.ts";
import { slowStart } from "../core/slow-start.ts";
import { withoutZeros } from "../core/without-zeros.ts";
import { type DaemonSet, daemonPod, daemonSets, judgeNode, maxUnavailable, nodeOf } from "./daemon-set.ts";

/** Keeps one pod of the DaemonSet on every node that it fits, and replaces outdated ones a few at a time. */
export async function reconcileDaemonSet(
  cluster: Cluster,
  control: PodControl,
  key: string,
  wake: () => void,
): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const set = cluster.store(daemonSets).get(name, namespace);
  if (set === undefined) return undefined;
  const { selector, template, revisionHistoryLimit = 10 } = set.spec;
  const pods = await claimDependents(cluster, {
    owner: set,
    ownerKind: daemonSets,
    selector,
    kind: kinds.pods,
  });
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const revisions = await syncRevisions(cluster, {
    owner: set,
    ownerKind: daemonSets,
    selector,
    template,
    historyLimit: revisionHistoryLimit,
    inUse: new Set(pods.map(({ metadata }) => `${name}-${metadata.labels?.[revisionLabel] ?? ""}`)),
  });
  const hash = revisions.update.metadata.labels?.[revisionLabel] ?? "";
  const failure = await placePods(cluster, control, set, pods, hash, wake);
  if (failure === undefined) await replaceOutdated(cluster, control, set, hash);
  const soon = await updateStatus(cluster, set, hash);
  if (failure !== undefined) throw failure;
  return soon === undefined ? undefined : { requeueAfter: soon };
}

function plainPod(set: DaemonSet, hash: string): Pod {
  const { namespace, name } = set.metadata;
  const owner = controllerReference(daemonSets, set);
  const pod = podFromTemplate(set.spec.template, { namespace, prefix: `${name}-`, owner });
  const labels = {
    ...pod.metadata.labels,
    [revisionLabel]: hash,
    "pod-template-generation": String(set.metadata.generation ?? 1),
  };
  return { ...pod, metadata: { ...pod.metadata, labels } };
}

async function placePods(
  cluster: Cluster,
  control: PodControl,
  set: DaemonSet,
  pods: readonly Pod[],
  hash: string,
  wake: () => void,
): Promise<unknown> {
  const template = plainPod(set, hash);
  const byNode = groupByNode(pods);
  const missing: Node[] = [];
  const surplus: Pod[] = [];
  for (const node of cluster.store(kinds.nodes).list()) {
    const { shouldRun, mayStay } = judgeNode(template, node);
    const here = byNode.get(node.metadata.name) ?? [];
    byNode.delete(node.metadata.name);
    const failed = here.filter((pod) => isFinished(pod));
    const living = here.filter((pod) => !isFinished(pod)).sort(byAge);
    if (shouldRun) {
      surplus.push(...failed, ...living.slice(1));
      // The place of one that is on its way out is taken only when it has gone.
      if (here.length === 0) missing.push(node);
    } else if (!mayStay) surplus.push(...here);
  }
  surplus.push(...[...byNode.values()].flat());
  const removals = surplus.filter((pod) => !isTerminating(pod)).map((pod) => control.remove(set, pod));
  const removed = (await Promise.allSettled(removals)).find((result) => result.status === "rejected");
  const failure = await slowStart(missing.length, async (index) => {
    const node = missing[index];
    if (node !== undefined) await control.create(set, daemonPod(template, node), wake);
  });
  return failure ?? removed?.reason;
}

function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod) ?? "";
    const here = byNode.get(node);
    if (here === undefined) byNode.set(node, [pod]);
    else here.push(pod);
  }
  return byNode;
}

function byAge(a: Pod, b: Pod): number {
  return Date.parse(a.metadata.creationTimestamp ?? "") - Date.parse(b.metadata.creationTimestamp ?? "");
}

async function replaceOutdated(
  cluster: Cluster,
  control: PodControl,
  set: DaemonSet,
  hash: string,
): Promise<void> {
  if ((set.spec.updateStrategy?.type ?? "RollingUpdate") !== "RollingUpdate") return;
  const pods = livingPods(cluster, set);
  const now = cluster.clock.now();
  const isAvailable = (pod: Pod) =>
    !isTerminating(pod) && availableIn(pod, set.spec.minReadySeconds ?? 0, now) === 0;
  const wanted = wantedNodes(cluster, set, hash).length;
  const outdated = pods.filter((pod) => pod.metadata.labels?.[revisionLabel] !== hash && !isTerminating(pod));
  let mayGo = maxUnavailable(set, wanted) - (wanted - pods.filter(isAvailable).length);
  // One that doesn't work can be replaced without making anything worse.
  for (const pod of outdated.filter((each) => !isAvailable(each))) await control.remove(set, pod);
  for (const pod of outdated.filter(isAvailable)) {
    if (mayGo-- <= 0) return;
    await control.remove(set, pod);
  }
}

function livingPods(cluster: Cluster, set: DaemonSet): readonly Pod[] {
  return cluster
    .store(kinds.pods)
    .ownedBy(set.metadata.uid ?? "")
    .filter((pod) => !isFinished(pod));
}

function wantedNodes(cluster: Cluster, set: DaemonSet, hash: string): readonly Node[] {
  const template = plainPod(set, hash);
  return cluster
    .store(kinds.nodes)
    .list()
    .filter((node) => judgeNode(template, node).shouldRun);
}

/** Gives the milliseconds until the next pod becomes available by time alone. */
async function updateStatus(cluster: Cluster, before: DaemonSet, hash: string): Promise<number | undefined> {
  const { name, namespace, uid, generation } = before.metadata;
  const set = cluster.store(daemonSets).get(name, namespace);
  if (set === undefined || set.metadata.uid !== uid) return undefined;
  const wanted = new Set(wantedNodes(cluster, set, hash).map(({ metadata }) => metadata.name));
  const pods = livingPods(cluster, set);
  const placed = pods.filter((pod) => wanted.has(nodeOf(pod) ?? ""));
  const waits = placed.flatMap(
    (pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, cluster.clock.now()) ?? [],
  );
  const available = waits.filter((wait) => wait === 0).length;
  const counters = {
    currentNumberScheduled: new Set(placed.map(nodeOf)).size,
    desiredNumberScheduled: wanted.size,
    numberMisscheduled: pods.length - placed.length,
    numberReady: placed.filter(isReady).length,
    numberAvailable: available,
    numberUnavailable: Math.max(0, wanted.size - available),
    updatedNumberScheduled: placed.filter(({ metadata }) => metadata.labels?.[revisionLabel] === hash).length,
    observedGeneration: generation ?? 0,
  };
  const status: NonNullable<DaemonSet["status"]> = {
    ...withoutZeros(counters, ["numberAvailable", "numberUnavailable", "updatedNumberScheduled"]),
    ...(set.status?.collisionCount === undefined ? {} : { collisionCount: set.status.collisionCount }),
  };
  if (!isEquivalent(status, set.status)) await cluster.replace(daemonSets, { ...set, status }, "status");
  const pending = waits.filter((wait) => wait > 0);
  return pending.length === 0 ? undefined : Math.min(...pending);
}
