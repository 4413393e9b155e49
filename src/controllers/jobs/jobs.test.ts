import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds } from "../../kube/index.ts";
import { findCondition } from "../core/conditions.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { formatIndexes, type Job, jobs, parseIndexes } from "./job.ts";
import { startJobs } from "./start-jobs.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([startJobs]);
});
afterEach(() => cluster.stop());

const job = (spec: Partial<Job["spec"]> = {}): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "once", namespace: "sample" },
  spec: {
    completions: 1,
    parallelism: 1,
    template: { spec: { restartPolicy: "Never", containers: [{ name: "app", image: "app:1" }] } },
    ...spec,
  },
});
const pods = () => cluster.list(kinds.pods, "sample");
const current = async () => {
  const found = await cluster.api.client.get(jobs, "once", "sample");
  assert.ok(found);
  return found;
};
const running = async () =>
  (await pods()).filter(
    ({ status, metadata }) => status === undefined && metadata.deletionTimestamp === undefined,
  );
const finish = async (phase: "Succeeded" | "Failed") => {
  const [pod] = await cluster.eventually(async () => {
    const open = await running();
    return open.length > 0 ? open : undefined;
  });
  assert.ok(pod);
  await cluster.run(pod, { phase, ready: false });
  return pod;
};
const condition = (type: string) =>
  cluster.eventually(async () => findCondition((await current()).status?.conditions, type));

suite("jobs", () => {
  test("run a pod and complete", async () => {
    await cluster.api.client.create(jobs, job());
    const pod = await finish("Succeeded");
    assert.match(pod.metadata.name, /^once-[a-z0-9]{5}$/);
    assert.equal(pod.metadata.labels?.["batch.kubernetes.io/job-name"], "once");
    const complete = await condition("Complete");
    assert.deepEqual([complete.status, complete.reason], ["True", "CompletionsReached"]);
    const { status } = await current();
    assert.deepEqual(
      [status?.succeeded, status?.active, status?.completionTime !== undefined],
      [1, undefined, true],
    );
    await cluster.quiet();
    assert.equal((await pods()).length, 1);
  });

  test("run as many at a time as parallelism says, until completions are reached", async () => {
    await cluster.api.client.create(jobs, job({ completions: 3, parallelism: 2 }));
    await cluster.eventually(async () => ((await running()).length === 2 ? true : undefined));
    await finish("Succeeded");
    await cluster.eventually(async () => ((await pods()).length === 3 ? true : undefined));
    await finish("Succeeded");
    await finish("Succeeded");
    await condition("Complete");
    assert.equal((await pods()).length, 3);
  });

  test("fail after backoffLimit failures and stop what still runs", async () => {
    await cluster.api.client.create(jobs, job({ completions: 2, parallelism: 2, backoffLimit: 0 }));
    await cluster.eventually(async () => ((await running()).length === 2 ? true : undefined));
    await finish("Failed");
    const failed = await condition("Failed");
    assert.deepEqual(
      [failed.reason, failed.message],
      ["BackoffLimitExceeded", "Job has reached the specified backoff limit"],
    );
    await cluster.eventually(async () => ((await running()).length === 0 ? true : undefined));
  });

  test("indexed pods know their number, and each number is done once", async () => {
    await cluster.api.client.create(jobs, job({ completions: 2, parallelism: 2, completionMode: "Indexed" }));
    await cluster.eventually(async () => ((await running()).length === 2 ? true : undefined));
    const indexes = (await pods()).map(
      ({ metadata }) => metadata.annotations?.["batch.kubernetes.io/job-completion-index"],
    );
    assert.deepEqual(indexes.sort(), ["0", "1"]);
    await finish("Succeeded");
    await finish("Succeeded");
    await condition("Complete");
    assert.equal((await current()).status?.completedIndexes, "0,1");
  });

  test("a suspended Job runs nothing until it is resumed", async () => {
    await cluster.api.client.create(jobs, job({ suspend: true }));
    assert.equal((await condition("Suspended")).status, "True");
    assert.deepEqual(await pods(), []);
    const suspended = await current();
    await cluster.api.client.replace(jobs, { ...suspended, spec: { ...suspended.spec, suspend: false } });
    await finish("Succeeded");
    await condition("Complete");
  });

  test("a finished Job goes after its time to live", async () => {
    await cluster.api.client.create(jobs, job({ ttlSecondsAfterFinished: 0 }));
    await finish("Succeeded");
    await cluster.eventually(async () => {
      const left = await cluster.api.client.get(jobs, "once", "sample");
      return left === undefined || left.metadata.deletionTimestamp !== undefined || undefined;
    });
  });
});

suite("completed indexes", () => {
  for (const text of ["", "0", "0,1", "0-2", "0,2-4,7"]) {
    test(`"${text}" is read and written alike`, () =>
      assert.equal(formatIndexes(parseIndexes(text, 10)), text));
  }
  test("numbers beyond the limit are not read, however many they claim to be", () => {
    assert.deepEqual([...parseIndexes("1-99999999999", 3)], [1, 2]);
  });
});
