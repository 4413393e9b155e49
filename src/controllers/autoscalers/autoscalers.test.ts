import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { createManualClock, type ManualClock } from "../../base/testing/manual-clock.ts";
import { kinds, type Pod } from "../../kube/index.ts";
import { startAllObjects } from "../core/all-objects.ts";
import type { Cluster } from "../core/cluster.ts";
import type { Scale } from "../core/scale.ts";
import { customKind, statusOf } from "../test-support/fake-api.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { type Autoscaler, autoscalers, type MetricSpec } from "./autoscaler.ts";
import { podMetrics } from "./pod-metrics.ts";
import { autoscalersController } from "./start-autoscalers.ts";

const start = Date.parse("2025-01-01T00:00:00Z");
/** A kind whose object is its own scale: the fake API has no subresources. */
const things = customKind("example.com/v1", "Thing", "things");

let clock: ManualClock;
let cluster: TestCluster;
beforeEach(() => {
  clock = createManualClock(start);
  const controller = (inner: Cluster) => {
    const objects = startAllObjects(inner);
    const stop = autoscalersController(objects)(inner);
    return async () => {
      await Promise.all([stop(), objects.stop()]);
    };
  };
  cluster = startTestCluster([controller], clock);
  for (const kind of [things, podMetrics, autoscalers]) cluster.api.serve(kind);
});
afterEach(() => cluster.stop());

const cpu = (averageUtilization: number): MetricSpec => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const autoscaler = (spec: Partial<Autoscaler["spec"]> = {}): Autoscaler => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "web", namespace: "sample" },
  spec: {
    scaleTargetRef: { apiVersion: "example.com/v1", kind: "Thing", name: "web" },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [cpu(50)],
    ...spec,
  },
});
/** A thing with one running pod that requests one CPU, unless it requests none. */
const runWeb = async (replicas = 1, requests: Readonly<Record<string, string>> = { cpu: "1" }) => {
  await cluster.api.client.create(things, {
    apiVersion: "example.com/v1",
    kind: "Thing",
    metadata: { name: "web", namespace: "sample" },
    spec: { replicas },
    status: { replicas, selector: "app=web" },
  });
  const pod = await cluster.api.client.create(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-1", namespace: "sample", labels: { app: "web" } },
    spec: { containers: [{ name: "app", resources: { requests } }] },
  });
  const conditions = [
    { type: "Ready", status: "True", lastTransitionTime: new Date(start - 600_000).toISOString() },
  ];
  const startTime = new Date(start - 600_000).toISOString();
  await cluster.api.client.replace(
    kinds.pods,
    { ...pod, status: { phase: "Running", startTime, conditions } } as Pod,
    "status",
  );
};
const use = async (millis: number) => {
  const metrics = {
    apiVersion: "metrics.k8s.io/v1beta1",
    kind: "PodMetrics",
    metadata: { name: "web-1", namespace: "sample" },
    timestamp: new Date(clock.now()).toISOString(),
    window: "15s",
    containers: [{ name: "app", usage: { cpu: `${millis}m`, memory: "64Mi" } }],
  };
  const present = await cluster.api.client.get(podMetrics, "web-1", "sample");
  await (present === undefined
    ? cluster.api.client.create(podMetrics, metrics)
    : cluster.api.client.replace(podMetrics, metrics));
};
const replicas = async () =>
  ((await cluster.api.client.get(things, "web", "sample")) as unknown as Scale).spec.replicas;
const status = async () => {
  const found = await cluster.api.client.get(autoscalers, "web", "sample");
  assert.ok(found);
  return found.status;
};
const condition = (type: string, reason: string) =>
  cluster.eventually(async () =>
    (await status())?.conditions?.find((one) => one.type === type && one.reason === reason),
  );
const events = async () => {
  await cluster.cluster.events.idle();
  return (await cluster.list(kinds.events)).map(
    (event) => `${event["type"]} ${event["reason"]} ${event["message"]}`,
  );
};

suite("horizontal pod autoscalers", () => {
  test("scale by what pods use of what they request, and say so", async () => {
    await runWeb();
    await use(2000);
    await cluster.api.client.create(autoscalers, autoscaler());
    await cluster.eventually(async () => (await replicas()) === 4 || undefined);
    const active = await condition("ScalingActive", "ValidMetricFound");
    assert.equal(
      active.message,
      "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)",
    );
    const { currentMetrics, currentReplicas, desiredReplicas, lastScaleTime } = (await status()) ?? {};
    assert.deepEqual(
      [currentReplicas, desiredReplicas, lastScaleTime, currentMetrics],
      [
        1,
        4,
        "2025-01-01T00:00:00Z",
        [
          {
            type: "Resource",
            resource: { name: "cpu", current: { averageUtilization: 200, averageValue: "2" } },
          },
        ],
      ],
    );
    assert.ok(
      (await events()).includes(
        "Normal SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target",
      ),
    );
  });

  test("look again every fifteen seconds, and shrink after five minutes", async () => {
    await runWeb(3);
    await use(0);
    await cluster.api.client.create(autoscalers, autoscaler());
    await condition("AbleToScale", "ScaleDownStabilized");
    assert.equal(await replicas(), 3);
    clock.move(301_000);
    await use(0);
    clock.move(15_000);
    await cluster.eventually(async () => (await replicas()) === 1 || undefined);
    assert.ok(
      (await events()).includes("Normal SuccessfulRescale New size: 1; reason: All metrics below target"),
    );
  });

  test("follow a container, or an average value of any resource", async () => {
    await runWeb();
    await use(900);
    const metrics: readonly MetricSpec[] = [
      {
        type: "ContainerResource",
        containerResource: { name: "cpu", container: "app", target: { averageUtilization: 30 } },
      },
      { type: "Resource", resource: { name: "memory", target: { averageValue: "32Mi" } } },
    ];
    await cluster.api.client.create(autoscalers, autoscaler({ metrics }));
    await cluster.eventually(async () => (await replicas()) === 3 || undefined);
    assert.deepEqual((await status())?.currentMetrics, [
      {
        type: "ContainerResource",
        containerResource: {
          name: "cpu",
          container: "app",
          current: { averageUtilization: 90, averageValue: "900m" },
        },
      },
      { type: "Resource", resource: { name: "memory", current: { averageValue: "67108864" } } },
    ]);
  });

  test("bring replicas within their bounds whatever is used", async () => {
    await runWeb(5);
    await cluster.api.client.create(autoscalers, autoscaler({ maxReplicas: 2 }));
    await cluster.eventually(async () => (await replicas()) === 2 || undefined);
    assert.ok(
      (await events()).includes(
        "Normal SuccessfulRescale New size: 2; reason: Current number of replicas above Spec.MaxReplicas",
      ),
    );
  });

  test("leave alone what is scaled to zero", async () => {
    await runWeb(0);
    await cluster.api.client.create(autoscalers, autoscaler());
    const { status: active } = await condition("ScalingActive", "ScalingDisabled");
    assert.equal(active, "False");
    assert.equal(await replicas(), 0);
  });

  const failures: readonly {
    readonly title: string;
    readonly prepare?: () => Promise<void>;
    readonly spec?: Partial<Autoscaler["spec"]>;
    readonly condition: readonly [type: string, reason: string];
    readonly says: string;
    readonly event: string;
  }[] = [
    {
      title: "a target that is not there",
      condition: ["AbleToScale", "FailedGetScale"],
      says: `the HPA controller was unable to get the target's current scale: things/scale.example.com "web" not found`,
      event: `Warning FailedGetScale things/scale.example.com "web" not found`,
    },
    {
      title: "a target of no known kind",
      spec: { scaleTargetRef: { apiVersion: "apps/v9", kind: "Nothing", name: "web" } },
      condition: ["AbleToScale", "FailedGetScale"],
      says: `the HPA controller was unable to get the target's current scale: no matches for kind "Nothing" in group "apps"`,
      event: `Warning FailedGetScale no matches for kind "Nothing" in group "apps"`,
    },
    {
      title: "pods that request nothing",
      prepare: async () => {
        await runWeb(1, {});
        await use(5);
      },
      condition: ["ScalingActive", "FailedGetResourceMetric"],
      says: "the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container app of Pod web-1",
      event:
        "Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: missing request for cpu in container app of Pod web-1",
    },
    {
      title: "pods that nobody has measured",
      prepare: () => runWeb(),
      condition: ["ScalingActive", "FailedGetResourceMetric"],
      says: "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API",
      event:
        "Warning FailedGetResourceMetric failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API",
    },
    {
      title: "a metric that needs an adapter",
      prepare: () => runWeb(),
      spec: { metrics: [{ type: "Pods", pods: { metric: { name: "rps" } } }] },
      condition: ["ScalingActive", "FailedGetPodsMetric"],
      says: "the HPA was unable to compute the replica count: unable to get metric rps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
      event:
        "Warning FailedGetPodsMetric unable to get metric rps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
    },
  ];
  for (const {
    title,
    prepare,
    spec,
    condition: [type, reason],
    says,
    event,
  } of failures)
    test(`say what is wrong: ${title}`, async () => {
      await prepare?.();
      await cluster.api.client.create(autoscalers, autoscaler(spec));
      const found = await condition(type, reason);
      assert.deepEqual([found.status, found.message], ["False", says]);
      assert.ok((await events()).includes(event), (await events()).join("\n"));
    });

  test("do not shrink on what some metrics say while others fail", async () => {
    await runWeb(4);
    await use(0);
    const metrics = [cpu(50), { type: "Pods", pods: { metric: { name: "rps" } } }];
    await cluster.api.client.create(autoscalers, autoscaler({ metrics }));
    await condition("ScalingActive", "FailedGetPodsMetric");
    clock.move(316_000);
    await cluster.quiet();
    assert.equal(await replicas(), 4);
  });

  test("say that a target refused to be scaled", async () => {
    await runWeb();
    await use(2000);
    cluster.api.refuse = ({ method, path }) =>
      method === "PUT" && path.endsWith("/scale") ? statusOf(403, "Forbidden", "not now") : undefined;
    await cluster.api.client.create(autoscalers, autoscaler());
    await condition("AbleToScale", "FailedUpdateScale");
    assert.ok(
      (await events()).includes(
        "Warning FailedRescale New size: 4; reason: cpu resource utilization (percentage of request) above target; error: not now",
      ),
    );
  });

  test("look at once when their spec changes", async () => {
    await runWeb();
    await use(500);
    await cluster.api.client.create(autoscalers, autoscaler());
    await condition("AbleToScale", "ReadyForNewScale");
    const { metadata, ...rest } =
      (await cluster.api.client.get(autoscalers, "web", "sample")) ?? assert.fail();
    const { resourceVersion: _, ...unversioned } = metadata;
    const spec = { ...rest.spec, metrics: [cpu(25)] };
    await cluster.api.client.replace(autoscalers, { ...rest, metadata: unversioned, spec });
    await cluster.eventually(async () => (await replicas()) === 2 || undefined);
  });
});
