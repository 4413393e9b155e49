import { type Change, isApiError, kinds, type Node, objectKey, type Pod } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withCondition } from "../core/conditions.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { splitKey } from "../core/keys.ts";
import { isFinished, isTerminating } from "../core/pods.ts";
import { misfit, unschedulableMessage } from "./node-filters.ts";
import { bestNode } from "./node-scores.ts";
import { createNodeUsage, type NodeUsage } from "./node-usage.ts";

const schedulerName = "default-scheduler";

/** Binds pods without a node to the node that suits them best, and says why when none does. */
export const startScheduler: StartController = (cluster) => {
  const pods = cluster.store(kinds.pods);
  const nodes = cluster.store(kinds.nodes);
  const usage = createNodeUsage(pods);
  const homeless = new Set<string>();
  return runReconciler(cluster, {
    name: "scheduler",
    needs: [pods, nodes],
    wire(queue) {
      const retryAll = () => {
        for (const id of homeless) queue.add(id);
      };
      pods.subscribe((change) => {
        if (change.type === "deleted" || !isWaiting(change.object)) homeless.delete(objectKey(change.object));
        else if (isWorthATry(change)) queue.add(objectKey(change.object));
        if (freesRoom(change)) retryAll();
      });
      nodes.subscribe((change) => {
        if (mayFitMore(change)) retryAll();
      });
    },
    async reconcile(id) {
      const { namespace, name } = splitKey(id);
      const pod = pods.get(name, namespace);
      homeless.delete(id);
      if (pod === undefined || !isWaiting(pod)) return undefined;
      if (!(await schedule(cluster, usage, pod))) homeless.add(id);
      return undefined;
    },
  });
};

function isWaiting(pod: Pod): boolean {
  const { nodeName = "", schedulerName: wanted = schedulerName } = pod.spec;
  const gates = pod.spec["schedulingGates"];
  const isGated = Array.isArray(gates) && gates.length > 0;
  return nodeName === "" && wanted === schedulerName && !isGated && !isTerminating(pod) && !isFinished(pod);
}

/** What is written into the status of a waiting pod, by us above all, makes it fit no better. */
function isWorthATry(change: Change<Pod>): boolean {
  if (change.type !== "modified" || !isWaiting(change.previous)) return true;
  const { object, previous } = change;
  return !(
    isEquivalent(object.spec, previous.spec) && isEquivalent(object.metadata.labels, previous.metadata.labels)
  );
}

function freesRoom(change: Change<Pod>): boolean {
  if ((change.object.spec.nodeName ?? "") === "") return false;
  return (
    change.type === "deleted" ||
    (change.type === "modified" && isFinished(change.object) && !isFinished(change.previous))
  );
}

/** Heartbeats change a node all the time without making room. */
function mayFitMore(change: Change<Node>): boolean {
  if (change.type !== "modified") return change.type === "added";
  const { object, previous } = change;
  return !(
    isEquivalent(object.spec, previous.spec) &&
    isEquivalent(object.metadata.labels, previous.metadata.labels) &&
    isEquivalent(object.status?.allocatable, previous.status?.allocatable)
  );
}

/** Binds the pod, or notes on it why not. Gives whether it has a node now. */
async function schedule(cluster: Cluster, usage: NodeUsage, pod: Pod): Promise<boolean> {
  const nodes = cluster
    .store(kinds.nodes)
    .list()
    .filter((node) => node.metadata.deletionTimestamp === undefined);
  const judged = nodes.map((node) => ({ node, misfit: misfit(pod, node, usage.of(node)) }));
  const fitting = judged.filter(({ misfit: reason }) => reason === undefined).map(({ node }) => node);
  const node = bestNode(pod, fitting, usage);
  if (node === undefined) {
    await reportUnschedulable(
      cluster,
      pod,
      unschedulableMessage(judged.flatMap(({ misfit: reason }) => reason ?? [])),
    );
    return false;
  }
  usage.assume(pod, node.metadata.name);
  try {
    await bind(cluster, pod, node);
  } catch (reason) {
    usage.forget(pod);
    const now = cluster.store(kinds.pods).byUid(pod.metadata.uid ?? "");
    if (now?.spec.nodeName !== undefined && now.spec.nodeName !== "") usage.assume(now, now.spec.nodeName);
    // Gone, or somebody was faster: the watch tells.
    if (isApiError(reason, 404) || isApiError(reason, 409)) return true;
    throw reason;
  }
  const { namespace, name } = pod.metadata;
  const message = `Successfully assigned ${namespace}/${name} to ${node.metadata.name}`;
  cluster.events.record(schedulerName, pod, { type: "Normal", reason: "Scheduled", message });
  return true;
}

async function bind(cluster: Cluster, pod: Pod, node: Node): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  await cluster.client.post(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name, namespace, uid },
    target: { apiVersion: "v1", kind: "Node", name: node.metadata.name },
  });
}

async function reportUnschedulable(cluster: Cluster, pod: Pod, message: string): Promise<void> {
  cluster.events.record(schedulerName, pod, { type: "Warning", reason: "FailedScheduling", message });
  const old = pod.status?.conditions ?? [];
  const present = findCondition(old, "PodScheduled");
  if (present?.status === "False" && present.message === message) return;
  const others = old.filter((condition) => condition !== present);
  const conditions = withCondition(others, {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastTransitionTime:
      (present?.status === "False" ? present.lastTransitionTime : undefined) ?? cluster.timestamp(),
  });
  try {
    await cluster.replace(
      kinds.pods,
      { ...pod, status: { ...pod.status, phase: "Pending", conditions } },
      "status",
    );
  } catch (reason) {
    // Changed or gone meanwhile: the next look says it again if it is still so.
    if (!isApiError(reason, 404)) throw reason;
  }
}
