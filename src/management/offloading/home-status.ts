import { isDeepStrictEqual } from "node:util";
import { type Condition, kubeTime, type Pod, type PodStatus } from "../../kube/index.ts";

/** What a kubelet says of a pod, and so what is taken over from the provider. All else in a status is said at home. */
const kubeletFields = [
  "phase",
  "reason",
  "message",
  "hostIP",
  "hostIPs",
  "podIP",
  "podIPs",
  "startTime",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
] as const;
const kubeletConditions: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "ContainersReady",
  "Ready",
]);

/** Why a pod takes no requests, whatever its containers say. */
export interface Unreadiness {
  /** CamelCase */
  readonly reason: string;
  readonly message: string;
}

/**
 * The status of a pod at home whose containers run elsewhere. Without a reflection (it is still to be made, or made
 * again) what was last known of it stays. `unready` takes the pod out of Services while nobody knows how it is, or while
 * its reflection goes. The pod's own readiness gates are judged here: the provider does not see them.
 */
export function homeStatus(
  pod: Pod,
  remote: Pod | undefined,
  options: { readonly now: number; readonly unready: Unreadiness | undefined },
): PodStatus {
  const { now, unready } = options;
  const before = pod.status?.conditions ?? [];
  const said = remote === undefined ? before : (remote.status?.conditions ?? []);
  const ownKubelet = said.filter(({ type }) => kubeletConditions.has(type));
  const others = before.filter(({ type }) => !kubeletConditions.has(type));
  const why = unready ?? failedGate(pod);
  const conditions = [...others, ...ownKubelet.map((condition) => judged(condition, why, before, now))];
  const status: Record<string, unknown> = { ...pod.status };
  if (remote !== undefined) {
    for (const field of kubeletFields) {
      const value = remote.status?.[field];
      if (value === undefined) delete status[field];
      else status[field] = value;
    }
    status["phase"] = remote.status?.phase ?? "Pending";
  }
  return { ...(status as PodStatus), conditions };
}

/** Ready turned to False where there is a reason to; a change of our own making has a time of its own. */
function judged(
  condition: Condition,
  why: Unreadiness | undefined,
  before: readonly Condition[],
  now: number,
): Condition {
  if (condition.type !== "Ready" || condition.status !== "True" || why === undefined) return condition;
  const known = before.find(({ type }) => type === "Ready");
  const lastTransitionTime =
    known?.status === "False" && known.reason === why.reason && known.lastTransitionTime !== undefined
      ? known.lastTransitionTime
      : kubeTime(now);
  return { ...condition, status: "False", ...why, lastTransitionTime };
}

function failedGate({ spec, status }: Pod): Unreadiness | undefined {
  const failed = (spec.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((gate) => status?.conditions?.find(({ type }) => type === gate)?.status !== "True");
  if (failed.length === 0) return undefined;
  const message = failed
    .map((gate) => `the status of pod readiness gate ${JSON.stringify(gate)} is not "True"`)
    .join(", ");
  return { reason: "ReadinessGatesNotReady", message };
}

/** The merge patch from one status to the next; undefined when they say the same. */
export function statusPatch(before: PodStatus | undefined, next: PodStatus): object | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of [...kubeletFields, "conditions"] as const) {
    const value = next[field];
    if (!isDeepStrictEqual(value, before?.[field])) patch[field] = value ?? null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
