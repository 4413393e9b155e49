import { type Condition, kinds, type Pod, type Requeue } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withCondition, withoutCondition } from "../core/conditions.ts";
import { splitKey } from "../core/keys.ts";
import { claimDependents, controllerReference } from "../core/owners.ts";
import { type PodControl, podFromTemplate } from "../core/pod-control.ts";
import { isActive, isReady, isTerminating } from "../core/pods.ts";
import { slowStart } from "../core/slow-start.ts";
import { withoutZeros } from "../core/without-zeros.ts";
import { formatIndexes, indexAnnotation, type Job, jobs, parseIndexes } from "./job.ts";

type JobStatus = NonNullable<Job["status"]>;

/** Who the events come from. */
export const component = "job-controller";

/** Waiting times after a failed pod: they double from 10 s to 10 min, as Kubernetes' do. */
const firstRetry = 10_000;
const longestRetry = 600_000;

/** A Job with its pods counted. */
interface Tally {
  readonly active: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  readonly completed: ReadonlySet<number>;
  readonly isIndexed: boolean;
}

/** Runs a Job's pods until enough have succeeded, or too many have failed, or its time is over. */
export async function reconcileJob(
  cluster: Cluster,
  control: PodControl,
  key: string,
  wake: () => void,
): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const job = cluster.store(jobs).get(name, namespace);
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  if (isOver(job)) return expire(cluster, job);
  const pods = await claimDependents(cluster, {
    owner: job,
    ownerKind: jobs,
    selector: job.spec.selector ?? {
      matchLabels: { "batch.kubernetes.io/controller-uid": job.metadata.uid ?? "" },
    },
    kind: kinds.pods,
  });
  const tally = count(job, pods);
  const startTime = job.spec.suspend === true ? undefined : (job.status?.startTime ?? cluster.timestamp());
  const end = verdict(cluster, job, pods, tally, startTime);
  const { backoffLimit = 6 } = job.spec;
  let failure: unknown;
  let wait: number | undefined;
  if (end !== undefined || job.spec.suspend === true) {
    await Promise.all(tally.active.map((pod) => control.remove(job, pod)));
  } else {
    wait = retryIn(cluster, pods);
    if (wait === undefined || backoffLimit === 0) failure = await scale(control, job, tally, wake);
  }
  await updateStatus(cluster, job, startTime, end, tally);
  if (failure !== undefined) throw failure;
  const untilDeadline = deadlineIn(cluster, job, startTime);
  const waits = [wait, untilDeadline].filter((each) => each !== undefined);
  return waits.length === 0 || end !== undefined ? undefined : { requeueAfter: Math.min(...waits) };
}

function isOver({ status }: Job): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: state }) => state === "True" && (type === "Complete" || type === "Failed"),
  );
}

async function expire(cluster: Cluster, job: Job): Promise<Requeue | undefined> {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined) return undefined;
  const over = (job.status?.conditions ?? []).find(({ type }) => type === "Complete" || type === "Failed");
  const due = Date.parse(over?.lastTransitionTime ?? "") + ttlSecondsAfterFinished * 1000;
  const left = due - cluster.clock.now();
  if (left > 0) return { requeueAfter: left };
  await cluster.remove(jobs, job, { propagationPolicy: "Foreground" });
  return undefined;
}

/** Counters never fall: a finished pod that somebody deleted still counts. */
function count(job: Job, pods: readonly Pod[]): Tally {
  const isIndexed = job.spec.completionMode === "Indexed";
  const done = pods.filter(({ status }) => status?.phase === "Succeeded");
  const failed = pods.filter(({ status }) => status?.phase === "Failed").length;
  const completed = parseIndexes(job.status?.completedIndexes, job.spec.completions ?? 0);
  for (const pod of done) {
    const index = indexOf(pod);
    if (index !== undefined) completed.add(index);
  }
  return {
    active: pods.filter(isActive),
    succeeded: isIndexed ? completed.size : Math.max(job.status?.succeeded ?? 0, done.length),
    failed: Math.max(job.status?.failed ?? 0, failed),
    completed,
    isIndexed,
  };
}

function verdict(
  cluster: Cluster,
  job: Job,
  pods: readonly Pod[],
  { active, succeeded, failed }: Tally,
  startTime: string | undefined,
): Condition | undefined {
  const condition = (type: string, reason: string, message: string): Condition => {
    const now = cluster.timestamp();
    return { type, status: "True", reason, message, lastProbeTime: now, lastTransitionTime: now };
  };
  const { backoffLimit = 6, completions } = job.spec;
  const restarts = job.spec.template.spec.restartPolicy === "OnFailure" ? restartsOf(pods) : 0;
  if (failed > backoffLimit || (restarts > 0 && restarts > backoffLimit)) {
    return condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  const left = deadlineIn(cluster, job, startTime);
  if (left !== undefined && left <= 0) {
    return condition("Failed", "DeadlineExceeded", "Job was active longer than specified deadline");
  }
  // Without a number of completions the pods agree among themselves: one success ends it, once all have ended.
  const isDone = completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
  if (isDone) return condition("Complete", "CompletionsReached", "Reached expected number of succeeded pods");
  return undefined;
}

function restartsOf(pods: readonly Pod[]): number {
  return pods
    .filter(isActive)
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
}

function deadlineIn(cluster: Cluster, job: Job, startTime: string | undefined): number | undefined {
  const { activeDeadlineSeconds } = job.spec;
  if (activeDeadlineSeconds === undefined || startTime === undefined) return undefined;
  return Date.parse(startTime) + activeDeadlineSeconds * 1000 - cluster.clock.now();
}

/** Milliseconds until a failed pod may be replaced; undefined: now. */
function retryIn(cluster: Cluster, pods: readonly Pod[]): number | undefined {
  const ends = pods.flatMap((pod) => (pod.status?.phase === "Failed" ? endOf(pod) : []));
  if (ends.length === 0) return undefined;
  const pause = Math.min(longestRetry, firstRetry * 2 ** (ends.length - 1));
  const left = Math.max(...ends) + pause - cluster.clock.now();
  return left > 0 ? left : undefined;
}

function endOf({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ""),
  );
  return Math.max(
    Date.parse(metadata.creationTimestamp ?? "") || 0,
    ...ends.filter((end) => !Number.isNaN(end)),
  );
}

async function scale(control: PodControl, job: Job, tally: Tally, wake: () => void): Promise<unknown> {
  const { parallelism = 1, completions } = job.spec;
  const { active, succeeded } = tally;
  const open =
    completions === undefined ? (succeeded > 0 ? active.length : parallelism) : completions - succeeded;
  const wanted = Math.min(parallelism, open);
  if (active.length > wanted) {
    await Promise.all(active.slice(wanted).map((pod) => control.remove(job, pod)));
    return undefined;
  }
  const indexes = tally.isIndexed ? freeIndexes(tally, completions ?? 0) : [];
  const missing = tally.isIndexed ? Math.min(wanted - active.length, indexes.length) : wanted - active.length;
  return slowStart(missing, async (i) => {
    await control.create(job, jobPod(job, indexes[i]), wake);
  });
}

function freeIndexes({ active, completed }: Tally, completions: number): readonly number[] {
  const taken = new Set([...completed, ...active.flatMap((pod) => indexOf(pod) ?? [])]);
  return Array.from({ length: completions }, (_, index) => index).filter((index) => !taken.has(index));
}

function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
}

function jobPod(job: Job, index: number | undefined): Pod {
  const { namespace, name, uid = "" } = job.metadata;
  const prefix = index === undefined ? `${name}-` : `${name}-${index}-`;
  const pod = podFromTemplate(job.spec.template, {
    namespace,
    prefix,
    owner: controllerReference(jobs, job),
  });
  const labels = {
    ...pod.metadata.labels,
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
  };
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, labels } };
  const env = { name: "JOB_COMPLETION_INDEX", value: String(index) };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { ...labels, [indexAnnotation]: String(index) },
      annotations: { ...pod.metadata.annotations, [indexAnnotation]: String(index) },
    },
    spec: {
      ...pod.spec,
      hostname: `${name}-${index}`,
      containers: pod.spec.containers.map((container) => ({
        ...container,
        env: [...(container.env ?? []), env],
      })),
    },
  };
}

async function updateStatus(
  cluster: Cluster,
  before: Job,
  startTime: string | undefined,
  end: Condition | undefined,
  tally: Tally,
): Promise<void> {
  const { name, namespace, uid = "" } = before.metadata;
  const job = cluster.store(jobs).get(name, namespace);
  if (job === undefined || job.metadata.uid !== uid) return;
  const pods = cluster.store(kinds.pods).ownedBy(uid);
  const active = pods.filter(isActive);
  const completed = formatIndexes(tally.completed);
  const counters = {
    active: active.length,
    ready: active.filter(isReady).length,
    terminating: pods.filter((pod) => isTerminating(pod) && pod.status?.phase !== "Succeeded").length,
    succeeded: tally.succeeded,
    failed: tally.failed + (end?.type === "Failed" ? tally.active.length : 0),
  };
  const status: JobStatus = {
    ...withoutZeros(counters, ["active", "succeeded", "failed"]),
    uncountedTerminatedPods: {},
    ...(completed === "" ? {} : { completedIndexes: completed }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(end?.type === "Complete" ? { completionTime: cluster.timestamp() } : {}),
    conditions: conditionsOf(cluster, job, end),
  };
  if (!isEquivalent(status, job.status)) await cluster.replace(jobs, { ...job, status }, "status");
  if (end !== undefined) report(cluster, job, end);
}

/** Beside Complete and Failed, Kubernetes says that a Job is about to be so; clients of 1.31 and later look at that. */
function conditionsOf(cluster: Cluster, job: Job, end: Condition | undefined): readonly Condition[] {
  const old = job.status?.conditions ?? [];
  if (end !== undefined) {
    const first = end.type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget";
    return withCondition(withCondition(old, { ...end, type: first }), end);
  }
  const isSuspended = job.spec.suspend === true;
  const present = findCondition(old, "Suspended");
  if (!isSuspended && present === undefined) return old;
  const now = cluster.timestamp();
  return withCondition(present === undefined ? withoutCondition(old, "Suspended") : old, {
    type: "Suspended",
    status: isSuspended ? "True" : "False",
    reason: isSuspended ? "JobSuspended" : "JobResumed",
    message: isSuspended ? "Job suspended" : "Job resumed",
    lastProbeTime: now,
    lastTransitionTime: now,
  });
}

function report(cluster: Cluster, job: Job, { type, reason = "", message = "" }: Condition): void {
  const event =
    type === "Complete"
      ? ({ type: "Normal", reason: "Completed", message: "Job completed" } as const)
      : ({ type: "Warning", reason, message } as const);
  cluster.events.record(component, job, event);
}
