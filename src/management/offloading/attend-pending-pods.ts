import {
  createEventRecorder,
  createWorkQueue,
  kinds,
  type NamespaceOffloading,
  objectKey,
  type Pod,
  startReconciler,
  tolerates,
} from "../../kube/index.ts";
import type { OffloadingCluster, OffloadingOptions } from "./contracts.ts";
import { explainPending } from "./explain-pending.ts";
import { component } from "./link.ts";
import { offloadingName, virtualNodeTaint } from "./marks.ts";
import type { HomeWatch } from "./watch-clusters.ts";

/**
 * Tells pods that wait for a virtual node what they wait for, once for every answer. A pod that was made before its
 * namespace was offloaded could wait for ever: it is deleted, so that its controller makes one that may go there.
 */
export function attendPendingPods(
  { name, client }: OffloadingCluster,
  watch: HomeWatch,
  { clock, signal, log }: Omit<OffloadingOptions, "clusters">,
): void {
  const { pods, nodes, offloadings } = watch;
  const events = createEventRecorder({ client, clock, log, signal });
  const told = new Map<string, string>();
  const queue = createWorkQueue(clock);
  startReconciler({
    name: "pending pods",
    queue,
    async reconcile(key) {
      const [namespace = "", podName = ""] = key.split("/");
      const pod = pods.get(podName, namespace);
      const uid = pod?.metadata.uid ?? key;
      if (pod === undefined || !isUnscheduled(pod)) return undefined;
      const offloading = offloadings.get(offloadingName, namespace);
      if (offloading !== undefined && isOutdated(pod, offloading)) {
        const preconditions = pod.metadata.uid === undefined ? {} : { preconditions: { uid } };
        await client.delete(kinds.pods, podName, { namespace, gracePeriodSeconds: 0, ...preconditions });
        return undefined;
      }
      const why = explainPending(pod, { name, nodes: nodes.list(), pods: pods.list() });
      // Amounts change with every pod that comes or goes; what is short is said once.
      if (why === undefined || told.get(uid) === why.reason) return undefined;
      told.set(uid, why.reason);
      events.record(component, pod, { type: "Warning", ...why });
      return undefined;
    },
    concurrency: 1,
    ready: watch.synced,
    signal,
    log,
  });
  pods.subscribe((change) => {
    const { object } = change;
    if (change.type === "deleted") told.delete(object.metadata.uid ?? "");
    else if (isUnscheduled(object)) queue.add(objectKey(object));
  });
  offloadings.subscribe(({ object }) => {
    for (const pod of pods.list(object.metadata.namespace)) if (isUnscheduled(pod)) queue.add(objectKey(pod));
  });
}

/** Whether a controller's pod would be let onto virtual nodes if it were made now. */
function isOutdated(pod: Pod, { spec, metadata }: NamespaceOffloading): boolean {
  return (
    spec.podOffloadingStrategy !== "Local" &&
    metadata.deletionTimestamp === undefined &&
    !tolerates(pod, virtualNodeTaint) &&
    (pod.metadata.ownerReferences ?? []).some(({ controller }) => controller === true)
  );
}

function isUnscheduled({ spec, status, metadata }: Pod): boolean {
  return (
    (spec.nodeName ?? "") === "" &&
    metadata.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: value }) => type === "PodScheduled" && value === "False") ===
      true
  );
}
