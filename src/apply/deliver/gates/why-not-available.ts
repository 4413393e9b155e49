import { type KubeClient, type KubeObject, kinds, type Pod } from "../../../kube/index.ts";
import { lastWarning } from "./recent-events.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Reasons for which a container waits that time alone does not cure. */
const stuck = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "CrashLoopBackOff",
]);

/**
 * Why the pods of a workload are not ready, in words: refused by a quota or a webhook, not to be placed on any node, an image
 * that can't be pulled, a probe that fails. "" when nothing says why.
 */
export async function whyNotAvailable(client: KubeClient, workload: KubeObject): Promise<string> {
  const namespace = workload.metadata.namespace ?? "default";
  try {
    const refused = await refusal(client, workload, namespace);
    if (refused !== undefined) return refused;
    const { items } = await client.list(kinds.pods, { namespace, labelSelector: selectorOf(workload) });
    for (const pod of items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)) {
      const why = await whyNotReady(client, pod, namespace);
      if (why !== undefined) return `pod ${pod.metadata.name}: ${why}`;
    }
    return items.length === 0 ? "it has no pods yet" : "";
  } catch {
    // Only an explanation is lost.
    return "";
  }
}

/** What keeps a workload from having pods: its own condition, or that of the ReplicaSet under it. */
async function refusal(
  client: KubeClient,
  workload: KubeObject,
  namespace: string,
): Promise<string | undefined> {
  const sets = await client.list(kinds.replicaSets, { namespace, labelSelector: selectorOf(workload) });
  return [workload, ...sets.items]
    .flatMap(conditionsOf)
    .find(({ type, status }) => type === "ReplicaFailure" && status === "True")?.message;
}

async function whyNotReady(client: KubeClient, pod: Pod, namespace: string): Promise<string | undefined> {
  const conditions = conditionsOf(pod);
  if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) return undefined;
  const unscheduled = conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (unscheduled !== undefined)
    return `can't be placed on a node: ${unscheduled.message ?? unscheduled.reason ?? "no reason is given"}`;
  const { initContainerStatuses = [], containerStatuses = [] } = (pod.status ?? {}) as {
    readonly initContainerStatuses?: readonly ContainerState[];
    readonly containerStatuses?: readonly ContainerState[];
  };
  for (const { name, image, state } of [...initContainerStatuses, ...containerStatuses]) {
    const { reason = "", message } = state?.waiting ?? {};
    if (stuck.has(reason))
      return `container ${name}${image === undefined ? "" : ` (${image})`} ${reason}${message === undefined ? "" : `: ${message}`}`;
  }
  const warning = await lastWarning(client, { kind: "Pod", name: pod.metadata.name, namespace });
  return warning === "" ? "it is not ready" : warning;
}

interface ContainerState {
  readonly name: string;
  readonly image?: string;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

function conditionsOf(object: KubeObject): readonly Condition[] {
  const { conditions = [] } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions;
}

function selectorOf(workload: KubeObject): string {
  const { selector } = (workload["spec"] ?? {}) as {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  return Object.entries(selector?.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
