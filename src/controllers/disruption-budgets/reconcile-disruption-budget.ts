import {
  type Condition,
  formatLabelSelector,
  isApiError,
  kinds,
  matchesLabelSelector,
  type Pod,
  type Requeue,
} from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition } from "../core/conditions.ts";
import { splitKey } from "../core/keys.ts";
import { isReady, isTerminating } from "../core/pods.ts";
import { type DisruptionBudget, type DisruptionStatus, disruptionBudgets } from "./disruption-budget.ts";
import { type ExpectedPods, expectedPods } from "./expected-pods.ts";

export const component = "controllermanager";

/** How long a pod whose eviction was granted counts as gone, in milliseconds, before it is taken for staying. */
const evictionPatience = 120_000;

/**
 * Makes the status of one PodDisruptionBudget true: the API server grants evictions by it. When it can't be
 * computed, none are granted until it can.
 */
export async function reconcileDisruptionBudget(
  cluster: Cluster,
  objects: Pick<AllObjects, "find">,
  key: string,
): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const budget = cluster.store(disruptionBudgets).get(name, namespace);
  if (budget === undefined) return undefined;
  const record = (type: "Normal" | "Warning", reason: string, message: string) =>
    cluster.events.record(component, budget, { type, reason, message });
  const pods = cluster
    .store(kinds.pods)
    .list(namespace)
    .filter((pod) => matchesLabelSelector(budget.spec.selector, pod.metadata.labels));
  if (pods.length === 0) record("Normal", "NoPods", "No matching pods found");
  let wanted: ExpectedPods;
  try {
    wanted = await expectedPods(cluster, objects, budget, pods);
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    record(
      "Warning",
      "CalculateExpectedPodCountFailed",
      `Failed to calculate the number of expected pods: ${message}`,
    );
    if (!isApiError(reason, 409)) await forbidDisruptions(cluster, budget, message);
    throw reason;
  }
  if (wanted.unmanaged.length > 0)
    record(
      "Warning",
      "UnmanagedPods",
      `Pods selected by this PodDisruptionBudget (selector: ${formatLabelSelector(budget.spec.selector ?? {})}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
    );
  const { disrupted, recheck } = stillDisrupted(cluster, budget, pods);
  await updateStatus(cluster, budget, wanted, pods, disrupted);
  return recheck === undefined ? undefined : { requeueAfter: recheck };
}

/** The granted evictions that have not begun yet, and the milliseconds until the first of them has taken too long. */
function stillDisrupted(cluster: Cluster, { metadata, status }: DisruptionBudget, pods: readonly Pod[]) {
  const disrupted: Record<string, string> = {};
  let recheck: number | undefined;
  for (const pod of pods) {
    const granted = status?.disruptedPods?.[pod.metadata.name];
    if (granted === undefined || isTerminating(pod)) continue;
    const left = Date.parse(granted) + evictionPatience - cluster.clock.now();
    if (left < 0) {
      const message = `Pod was expected by PDB ${metadata.namespace}/${metadata.name} to be deleted but it wasn't`;
      cluster.events.record(component, pod, { type: "Warning", reason: "NotDeleted", message });
    } else {
      disrupted[pod.metadata.name] = granted;
      recheck = Math.min(recheck ?? left, left);
    }
  }
  // At the very end of its time an eviction still counts, so look a moment later.
  return { disrupted, recheck: recheck === undefined ? undefined : recheck + 1000 };
}

async function updateStatus(
  cluster: Cluster,
  budget: DisruptionBudget,
  { expected, desiredHealthy }: ExpectedPods,
  pods: readonly Pod[],
  disruptedPods: Readonly<Record<string, string>>,
): Promise<void> {
  const currentHealthy = pods.filter(
    (pod) => !isTerminating(pod) && disruptedPods[pod.metadata.name] === undefined && isReady(pod),
  ).length;
  // Without pods nothing may be disrupted: the first ones may come before this is looked at again.
  const disruptionsAllowed = expected > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const observedGeneration = budget.metadata.generation ?? 0;
  const isAllowed = disruptionsAllowed > 0;
  await writeStatus(cluster, budget, {
    observedGeneration,
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    expectedPods: expected,
    ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    conditions: withAllowed(cluster, budget.status, {
      status: isAllowed ? "True" : "False",
      reason: isAllowed ? "SufficientPods" : "InsufficientPods",
      message: "",
      observedGeneration,
    }),
  });
}

async function forbidDisruptions(cluster: Cluster, budget: DisruptionBudget, message: string): Promise<void> {
  const { status } = budget;
  const observedGeneration = status?.observedGeneration ?? 0;
  await writeStatus(cluster, budget, {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    ...status,
    disruptionsAllowed: 0,
    conditions: withAllowed(cluster, status, {
      status: "False",
      reason: "SyncFailed",
      message,
      observedGeneration,
    }),
  });
}

function withAllowed(
  cluster: Cluster,
  status: DisruptionStatus | undefined,
  next: Omit<Condition, "type" | "lastTransitionTime">,
): readonly Condition[] {
  const type = "DisruptionAllowed";
  const before = findCondition(status?.conditions, type);
  const since = before?.status === next.status ? before.lastTransitionTime : undefined;
  const condition = { type, lastTransitionTime: since ?? cluster.timestamp(), ...next };
  return [...(status?.conditions ?? []).filter((one) => one.type !== type), condition];
}

async function writeStatus(
  cluster: Cluster,
  budget: DisruptionBudget,
  status: DisruptionStatus,
): Promise<void> {
  // With its version: an eviction that was granted meanwhile must not be forgotten.
  if (!isEquivalent(status, budget.status))
    await cluster.replace(disruptionBudgets, { ...budget, status }, "status");
}
