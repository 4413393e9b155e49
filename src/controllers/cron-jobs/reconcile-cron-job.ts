import { isApiError, kubeTime, type Requeue } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { splitKey } from "../core/keys.ts";
import { controllerOf, controllerReference } from "../core/owners.ts";
import { type Job, jobs } from "../jobs/job.ts";
import { type ActiveJob, type CronJob, cronJobs } from "./cron-job.ts";
import { parseSchedule, type Schedule, ScheduleError } from "./schedule.ts";

const component = "cronjob-controller";
const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/** More missed starts than these point to a clock that jumped, and are said. */
const mostMissed = 100;

type Status = NonNullable<CronJob["status"]>;

/** One look at a CronJob: what it has started, and how it says what it does. */
interface Look {
  readonly cluster: Cluster;
  readonly cronJob: CronJob;
  readonly owned: readonly Job[];
  status: Status;
  record(type: "Normal" | "Warning", reason: string, message: string): void;
}

/** Starts what is due, forgets what has ended, and asks to be called again when the next start is due. */
export async function reconcileCronJob(cluster: Cluster, key: string): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const cronJob = cluster.store(cronJobs).get(name, namespace);
  if (cronJob === undefined) return undefined;
  const owned = cluster
    .store(jobs)
    .ownedBy(cronJob.metadata.uid ?? "")
    .filter((job) => controllerOf(job)?.uid === cronJob.metadata.uid);
  const look: Look = {
    cluster,
    cronJob,
    owned,
    status: noteEnded(cluster, cronJob, owned),
    record: (type, reason, message) => cluster.events.record(component, cronJob, { type, reason, message }),
  };
  let requeue: Requeue | undefined;
  if (cronJob.metadata.deletionTimestamp === undefined && cronJob.spec.suspend !== true)
    requeue = await startDue(look);
  await deleteOld(look);
  if (!isEquivalent(look.status, cronJob.status))
    await cluster.replace(cronJobs, { ...cronJob, status: look.status }, "status");
  return requeue;
}

/** The status without Jobs that have ended, which is said once of each. */
function noteEnded(cluster: Cluster, cronJob: CronJob, owned: readonly Job[]): Status {
  const record = (type: "Normal" | "Warning", reason: string, message: string) =>
    cluster.events.record(component, cronJob, { type, reason, message });
  let { active = [], lastSuccessfulTime } = cronJob.status ?? {};
  for (const job of owned) {
    const { name, uid } = job.metadata;
    const isActive = active.some((one) => one.uid === uid);
    const end = endOf(job);
    if (end === undefined) {
      if (!isActive)
        record("Warning", "UnexpectedJob", `Saw a job that the controller did not create or forgot: ${name}`);
      continue;
    }
    if (isActive) {
      record("Normal", "SawCompletedJob", `Saw completed job: ${name}, condition: ${end.type}`);
      active = active.filter((one) => one.uid !== uid);
    }
    const completed = job.status?.completionTime;
    if (end.type === "Complete" && completed !== undefined && completed > (lastSuccessfulTime ?? ""))
      lastSuccessfulTime = completed;
  }
  for (const { name, uid } of active)
    if (!owned.some(({ metadata }) => metadata.uid === uid)) {
      record("Normal", "MissingJob", `Active job went missing: ${name}`);
      active = active.filter((one) => one.uid !== uid);
    }
  const { lastScheduleTime } = cronJob.status ?? {};
  return withActive(
    {
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    },
    active,
  );
}

function withActive({ active: _, ...status }: Status, active: readonly ActiveJob[]): Status {
  return active.length === 0 ? status : { ...status, active };
}

function endOf({ status }: Job) {
  return status?.conditions?.find(
    ({ type, status: state }) => state === "True" && (type === "Complete" || type === "Failed"),
  );
}

async function startDue(look: Look): Promise<Requeue | undefined> {
  const { cluster, cronJob, record } = look;
  const { schedule: text, timeZone, startingDeadlineSeconds, concurrencyPolicy = "Allow" } = cronJob.spec;
  let schedule: Schedule;
  try {
    schedule = parseSchedule(text, timeZone);
  } catch (reason) {
    if (!(reason instanceof ScheduleError)) throw reason;
    record(
      "Warning",
      "UnparseableSchedule",
      `unparseable schedule: ${JSON.stringify(text)} : ${reason.message}`,
    );
    return undefined;
  }
  const now = cluster.clock.now();
  const next = schedule.next(now);
  const later = next === undefined ? undefined : { requeueAfter: next - now };
  const due = dueTime(look, schedule, now);
  if (due === undefined) return later;
  if (startingDeadlineSeconds !== undefined && due + startingDeadlineSeconds * 1000 < now) {
    record("Warning", "MissSchedule", `Missed scheduled time to start a job: ${new Date(due).toUTCString()}`);
    return later;
  }
  const active = look.status.active ?? [];
  if (concurrencyPolicy === "Forbid" && active.length > 0) {
    const why = "Not starting job because prior execution is running and concurrency policy is Forbid";
    record("Normal", "JobAlreadyActive", why);
    return later;
  }
  if (concurrencyPolicy === "Replace") {
    for (const one of active) {
      const job = look.owned.find(({ metadata }) => metadata.uid === one.uid);
      if (job !== undefined) await deleteJob(look, job);
    }
    look.status = withActive(look.status, []);
  }
  await startJob(look, due);
  return later;
}

/** The last start that is due and has not been made; undefined when there is none. */
function dueTime({ cronJob, record }: Look, schedule: Schedule, now: number): number | undefined {
  const { creationTimestamp = "" } = cronJob.metadata;
  const { startingDeadlineSeconds } = cronJob.spec;
  let earliest = Date.parse(cronJob.status?.lastScheduleTime ?? creationTimestamp) || 0;
  if (startingDeadlineSeconds !== undefined)
    earliest = Math.max(earliest, now - startingDeadlineSeconds * 1000);
  const due = schedule.last(now);
  if (due === undefined || due <= earliest) return undefined;
  let missed = 0;
  for (let time = schedule.next(earliest); time !== undefined && time <= now; time = schedule.next(time))
    if (++missed > mostMissed) {
      const why =
        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
      record("Warning", "TooManyMissedTimes", why);
      break;
    }
  return due;
}

async function startJob(look: Look, due: number): Promise<void> {
  const { cluster, cronJob, record } = look;
  const { name, namespace = "" } = cronJob.metadata;
  const { metadata = {}, spec } = cronJob.spec.jobTemplate;
  const job: Job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      // One name a start: whoever looks twice makes it once.
      name: `${name}-${Math.floor(due / 60_000)}`,
      namespace,
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      annotations: { ...metadata.annotations, [scheduledAnnotation]: kubeTime(due) },
      ownerReferences: [controllerReference(cronJobs, cronJob)],
    },
    spec,
  };
  let created: Job | undefined;
  try {
    created = await cluster.create(jobs, job);
    record("Normal", "SuccessfulCreate", `Created job ${created.metadata.name}`);
  } catch (reason) {
    if (!isApiError(reason, 409)) {
      const message = reason instanceof Error ? reason.message : String(reason);
      record("Warning", "FailedCreate", `Error creating job: ${message}`);
      throw reason;
    }
    // Made before, and not noted: by an engine that ended in between.
    created = await cluster.client.get(jobs, job.metadata.name, namespace);
  }
  const active = look.status.active ?? [];
  const isNew =
    created !== undefined &&
    endOf(created) === undefined &&
    !active.some(({ uid }) => uid === created.metadata.uid);
  look.status = withActive(
    { ...look.status, lastScheduleTime: kubeTime(due) },
    isNew && created !== undefined ? [...active, referenceTo(created)] : active,
  );
}

function referenceTo({ metadata: { name, namespace, uid, resourceVersion } }: Job): ActiveJob {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** Deletes ended Jobs beyond the history limits, oldest first. */
async function deleteOld(look: Look): Promise<void> {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = look.cronJob.spec;
  for (const [type, limit] of [
    ["Complete", successfulJobsHistoryLimit],
    ["Failed", failedJobsHistoryLimit],
  ] as const) {
    const ended = look.owned
      .filter((job) => endOf(job)?.type === type && job.metadata.deletionTimestamp === undefined)
      .sort((a, b) => startOf(a) - startOf(b));
    for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await deleteJob(look, job);
  }
}

function startOf({ status, metadata }: Job): number {
  return Date.parse(status?.startTime ?? metadata.creationTimestamp ?? "") || 0;
}

async function deleteJob({ cluster, record }: Look, job: Job): Promise<void> {
  await cluster.remove(jobs, job, { propagationPolicy: "Background" });
  record("Normal", "SuccessfulDelete", `Deleted job ${job.metadata.name}`);
}
