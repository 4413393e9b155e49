import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { createManualClock, type ManualClock } from "../../base/testing/manual-clock.ts";
import { kinds } from "../../kube/index.ts";
import { type Job, jobs } from "../jobs/job.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { type CronJob, cronJobs } from "./cron-job.ts";
import { startCronJobs } from "./start-cron-jobs.ts";

let clock: ManualClock;
let cluster: TestCluster;
/** A minute past a time of the schedule. */
const start = Date.parse("2026-03-01T12:01:00Z");
beforeEach(() => {
  clock = createManualClock(start);
  cluster = startTestCluster([startCronJobs], clock);
  cluster.api.serve(cronJobs);
});
afterEach(() => cluster.stop());

const cronJob = (spec: Partial<CronJob["spec"]> = {}): CronJob => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name: "tick", namespace: "sample" },
  spec: {
    schedule: "*/10 * * * *",
    jobTemplate: {
      metadata: { labels: { app: "tick" } },
      spec: { template: { spec: { restartPolicy: "Never", containers: [] } } },
    },
    ...spec,
  },
});
/** The next time of the schedule, and on to it. */
const toNextStart = () => clock.move(600_000 - (clock.now() % 600_000));
const started = () => cluster.list(jobs, "sample");
const count = (wanted: number) =>
  cluster.eventually(async () => {
    const found = await started();
    return found.length === wanted ? found : undefined;
  });
const end = async (job: Job, type: "Complete" | "Failed") => {
  const now = new Date(clock.now()).toISOString();
  const current = await cluster.api.client.get(jobs, job.metadata.name, "sample");
  assert.ok(current);
  await cluster.api.client.replace(
    jobs,
    { ...current, status: { startTime: now, completionTime: now, conditions: [{ type, status: "True" }] } },
    "status",
  );
};
const status = async () => (await cluster.api.client.get(cronJobs, "tick", "sample"))?.status;
const says = (event: string) =>
  cluster.eventually(async () => {
    await cluster.cluster.events.idle();
    const found = (await cluster.list(kinds.events)).map((one) => `${one["reason"]} ${one["message"]}`);
    return found.some((one) => one.startsWith(event)) || undefined;
  });
/** Creates it and lets its first start come. */
const firstJob = async (spec: Partial<CronJob["spec"]> = {}): Promise<Job> => {
  await cluster.api.client.create(cronJobs, cronJob(spec));
  await cluster.quiet();
  toNextStart();
  const [job] = await count(1);
  assert.ok(job);
  await cluster.eventually(async () => ((await status())?.active?.length === 1 ? true : undefined));
  return job;
};

suite("cron jobs", () => {
  test("start a Job when it is due, named after the minute, and note it", async () => {
    const job = await firstJob();
    assert.equal(job.metadata.name, `tick-${Math.floor(clock.now() / 60_000)}`);
    assert.deepEqual(job.metadata.labels, { app: "tick" });
    assert.equal(job.metadata.ownerReferences?.[0]?.kind, "CronJob");
    const { active = [], lastScheduleTime } = (await status()) ?? {};
    assert.deepEqual([active[0]?.name, lastScheduleTime], [job.metadata.name, cluster.cluster.timestamp()]);
    await says(`SuccessfulCreate Created job ${job.metadata.name}`);
    await end(job, "Complete");
    await says(`SawCompletedJob Saw completed job: ${job.metadata.name}, condition: Complete`);
    await cluster.eventually(async () => ((await status())?.active === undefined ? true : undefined));
    assert.ok((await status())?.lastSuccessfulTime);
  });

  test("start another beside one that runs, unless that is forbidden", async () => {
    await firstJob();
    toNextStart();
    await count(2);
  });

  test("forbid: skip a start while a Job runs", async () => {
    await firstJob({ concurrencyPolicy: "Forbid" });
    toNextStart();
    await says("JobAlreadyActive Not starting job because prior execution is running");
    await count(1);
  });

  test("replace: end the Job that runs", async () => {
    const first = await firstJob({ concurrencyPolicy: "Replace" });
    toNextStart();
    await cluster.eventually(async () => {
      const [only, other] = await started();
      return (other === undefined && only?.metadata.name !== first.metadata.name) || undefined;
    });
  });

  test("do nothing while they are suspended", async () => {
    await cluster.api.client.create(cronJobs, cronJob({ suspend: true }));
    await cluster.quiet();
    clock.move(3_600_000);
    await cluster.quiet();
    assert.equal((await started()).length, 0);
  });

  test("make up for the last start that was missed only, and not at all after the deadline", async () => {
    await cluster.api.client.create(cronJobs, cronJob({ suspend: true }));
    await cluster.quiet();
    clock.move(3_700_000);
    const change = async (spec: Partial<CronJob["spec"]>) => {
      const found = await cluster.api.client.get(cronJobs, "tick", "sample");
      assert.ok(found);
      await cluster.api.client.replace(cronJobs, { ...found, spec: { ...found.spec, ...spec } });
    };
    await change({ suspend: false, startingDeadlineSeconds: 1 });
    await cluster.quiet();
    assert.equal((await started()).length, 0);
    await change({ startingDeadlineSeconds: 900 });
    const [job] = await count(1);
    const due = Math.floor(clock.now() / 600_000) * 600_000;
    assert.equal(job?.metadata.name, `tick-${due / 60_000}`);
  });

  test("keep as many ended Jobs as their limits say", async () => {
    const first = await firstJob({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 });
    await end(first, "Complete");
    toNextStart();
    const second = (await count(2)).find(({ metadata }) => metadata.name !== first.metadata.name);
    assert.ok(second);
    await end(second, "Complete");
    await says(`SuccessfulDelete Deleted job ${first.metadata.name}`);
    await count(1);
  });

  test("say that a schedule can't be read", async () => {
    await cluster.api.client.create(cronJobs, cronJob({ schedule: "61 * * * *" }));
    await says(
      'UnparseableSchedule unparseable schedule: "61 * * * *" : end of range (61) above maximum (59): 61',
    );
  });
});
