import type { Pod } from "../../kube/index.ts";
import { findCondition } from "../core/conditions.ts";
import { isTerminating } from "../core/pods.ts";
import type { PodSample } from "./pod-metrics.ts";

/** What a metric shall be, on average over the pods. */
export type Target =
  | {
      readonly kind: "utilization";
      readonly percent: number;
      /** Thousandths, by the pods' names. */
      readonly requests: ReadonlyMap<string, number>;
    }
  | { readonly kind: "average"; readonly millis: number };

export interface Proposal {
  readonly replicas: number;
  /** Percent of what is requested; for a target of that kind. */
  readonly utilization: number | undefined;
  /** Thousandths a pod. */
  readonly average: number;
}

/** How far, as a part of the target, a metric may be off before replicas change. */
export interface Tolerances {
  readonly up: number;
  readonly down: number;
}

/** A pod's processor time counts only after its start has settled, in milliseconds. */
const initializationPeriod = 300_000;
const initialReadinessDelay = 30_000;

/**
 * How many replicas would bring the metric to its target. Pods that are not ready yet and pods without a
 * measurement are taken for idle when there would be more replicas, and for busy when there would be fewer, so that
 * what is not known never moves anything further. Throws when no ready pod has been measured.
 */
export function proposeReplicas(options: {
  readonly pods: readonly Pod[];
  readonly samples: ReadonlyMap<string, PodSample>;
  /** Whether the metric is processor time, which starting pods use more of. */
  readonly isCpu: boolean;
  readonly target: Target;
  readonly currentReplicas: number;
  readonly tolerances: Tolerances;
  readonly now: number;
}): Proposal {
  const { pods, samples, target, currentReplicas, tolerances } = options;
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const { ready, unready, missing, gone } = groupPods(options);
  const values = new Map<string, number>();
  for (const { metadata } of pods) {
    const sample = samples.get(metadata.name);
    if (sample !== undefined) values.set(metadata.name, sample.value);
  }
  for (const name of [...unready, ...gone]) values.delete(name);
  if (values.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  const first = measure(values, target);
  const keep = { ...first.shown, replicas: currentReplicas };
  const isWithin = (ratio: number) => ratio >= 1 - tolerances.down && ratio <= 1 + tolerances.up;
  const countsUnready = unready.length > 0 && first.ratio > 1;
  if (!countsUnready && missing.length === 0)
    return isWithin(first.ratio) ? keep : { ...first.shown, replicas: Math.ceil(first.ratio * ready) };

  if (first.ratio < 1) for (const name of missing) values.set(name, busy(target, name));
  else if (first.ratio > 1 || target.kind === "average") for (const name of missing) values.set(name, 0);
  if (countsUnready) for (const name of unready) values.set(name, 0);
  const { ratio } = measure(values, target);
  const turns = (first.ratio < 1 && ratio > 1) || (first.ratio > 1 && ratio < 1);
  if (isWithin(ratio) || turns) return keep;
  const replicas = Math.ceil(ratio * values.size);
  const isBackwards = ratio < 1 ? replicas > currentReplicas : replicas < currentReplicas;
  return isBackwards ? keep : { ...first.shown, replicas };
}

function groupPods({
  pods,
  samples,
  isCpu,
  now,
}: Pick<Parameters<typeof proposeReplicas>[0], "pods" | "samples" | "isCpu" | "now">) {
  const [unready, missing, gone]: [string[], string[], string[]] = [[], [], []];
  let ready = 0;
  for (const pod of pods) {
    const { name } = pod.metadata;
    const sample = samples.get(name);
    if (isTerminating(pod) || pod.status?.phase === "Failed") gone.push(name);
    else if ((pod.status?.phase ?? "Pending") === "Pending") unready.push(name);
    else if (sample === undefined) missing.push(name);
    else if (isCpu && isStarting(pod, sample, now)) unready.push(name);
    else ready++;
  }
  return { ready, unready, missing, gone };
}

/** Whether the sample says more about the pod's start than about its work. */
function isStarting({ status }: Pod, { timestamp, window }: PodSample, now: number): boolean {
  const condition = findCondition(status?.conditions, "Ready");
  const started = Date.parse(status?.startTime ?? "");
  if (condition === undefined || Number.isNaN(started)) return true;
  const isUnready = condition.status === "False";
  const changed = Date.parse(condition.lastTransitionTime ?? "") || 0;
  if (started + initializationPeriod > now) return isUnready || timestamp < changed + window;
  return isUnready && started + initialReadinessDelay > changed;
}

/** Use in relation to the target, and as it is shown: whole percents and thousandths, cut off as Kubernetes does. */
function measure(values: ReadonlyMap<string, number>, target: Target) {
  const total = [...values.values()].reduce((sum, value) => sum + value, 0);
  const average = Math.trunc(total / values.size);
  if (target.kind === "average")
    return { ratio: average / target.millis, shown: { utilization: undefined, average } };
  const requested = [...values.keys()].reduce((sum, name) => sum + (target.requests.get(name) ?? 0), 0);
  if (requested === 0) throw new Error("no metrics returned matched known pods");
  const utilization = Math.trunc((total * 100) / requested);
  return { ratio: utilization / target.percent, shown: { utilization, average } };
}

/** What a pod that was not measured uses, at the most that is likely. */
function busy(target: Target, name: string): number {
  if (target.kind === "average") return target.millis;
  return Math.trunc(((target.requests.get(name) ?? 0) * Math.max(100, target.percent)) / 100);
}
