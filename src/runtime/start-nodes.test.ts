import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { kinds } from "../kube/index.ts";
import type { ContainerContext, NodesOptions } from "./contracts.ts";
import type { FakeApi } from "./test-support/fake-api.ts";
import {
  createTestStandIn,
  isReady,
  startTestNodes,
  type TestNodes,
} from "./test-support/start-test-nodes.ts";

const started: TestNodes[] = [];
const start = async (options?: Partial<NodesOptions>, api?: FakeApi) => {
  const nodes = await startTestNodes(options, api);
  started.push(nodes);
  return nodes;
};
afterEach(async () => {
  for (const nodes of started.splice(0)) await nodes.stop();
});

const helloworld = {
  name: "app",
  image: "docker.io/istio/examples-helloworld-v1:1.0",
  ports: [{ name: "http", containerPort: 5000 }],
  readinessProbe: { httpGet: { path: "/health", port: "http" } },
};

suite("startNodes()", () => {
  test("registers its nodes with addresses, labels, capacity and a lease", async () => {
    const { api } = await start();
    const node = api.all("nodes")[0];
    assert.equal(node?.metadata.labels?.["kubernetes.io/hostname"], "n1");
    assert.equal(node?.metadata.labels?.["topology.kubernetes.io/region"], "here");
    const status = node?.["status"] as { nodeInfo: { kubeletVersion: string }; addresses: unknown[] };
    assert.equal(status.nodeInfo.kubeletVersion, "v1.33.1");
    assert.deepEqual(status.addresses[0], { type: "InternalIP", address: "127.99.254.1" });
    assert.equal(api.all("leases")[0]?.metadata.namespace, "kube-node-lease");
  });

  test("a pod becomes ready by its probe, answers on its address, and is gone after deletion", async () => {
    const nodes = await start();
    await nodes.create("hello", { containers: [helloworld] });
    const pod = await nodes.see("hello", (seen) => isReady(seen) && seen);
    assert.equal(pod.status?.phase, "Running");
    assert.equal(pod.status?.hostIP, "127.99.254.1");
    assert.equal(pod.status?.containerStatuses?.[0]?.ready, true);
    const answer = await fetch(`http://${pod.status?.podIP}:5000/hello`);
    assert.equal(await answer.text(), "Hello version: v1, instance: hello\n");
    await nodes.api.client.delete(kinds.pods, "hello", { namespace: "sample" });
    await nodes.isGone("hello");
    await assert.rejects(fetch(`http://${pod.status?.podIP}:5000/hello`));
    assert.deepEqual(nodes.eventMessages(), [
      "Starting kubelet.",
      `Container image "${helloworld.image}" already present on machine`,
      "Created container: app",
      "Started container app",
      "Stopping container app",
    ]);
  });

  test("the status reaches the API in few patches", async () => {
    const nodes = await start();
    await nodes.create("hello", { containers: [helloworld] });
    await nodes.see("hello", isReady);
    assert.ok(nodes.api.statusPatches.length <= 4, `${nodes.api.statusPatches.length} patches`);
  });

  test("init containers run in order, native sidecars stay and end after the apps", async () => {
    const order: string[] = [];
    const step = createTestStandIn("step", order);
    const nodes = await start({ standIns: [step] });
    await nodes.create("ordered", {
      initContainers: [
        { name: "first", image: "step" },
        { name: "side", image: "step", restartPolicy: "Always" },
        { name: "second", image: "step" },
      ],
      containers: [
        { name: "app", image: "step" },
        { name: "other", image: "step" },
      ],
    });
    await nodes.see("ordered", (pod) => pod.status?.initContainerStatuses?.[0]?.state?.running !== undefined);
    const initial = nodes.api.pod("ordered")?.status;
    assert.equal(initial?.phase, "Pending");
    assert.deepEqual(initial?.containerStatuses?.[0]?.state, { waiting: { reason: "PodInitializing" } });
    const condition = initial?.conditions?.find(({ type }) => type === "Initialized");
    assert.equal(condition?.message, "containers with incomplete status: [first side second]");
    step.ends[0]?.(0);
    await nodes.see("ordered", (pod) => pod.status?.initContainerStatuses?.[2]?.state?.running !== undefined);
    step.ends[2]?.(0);
    await nodes.see("ordered", isReady);
    await nodes.api.client.delete(kinds.pods, "ordered", { namespace: "sample" });
    await nodes.isGone("ordered");
    assert.deepEqual(order, [
      "start first",
      "start side",
      "start second",
      "start app",
      "start other",
      "stop app",
      "stop other",
      "stop side",
    ]);
  });

  test("a container that ends is started again at once, then waits in CrashLoopBackOff", async () => {
    const step = createTestStandIn("step");
    const nodes = await start({ standIns: [step] });
    await nodes.create("crashing", { containers: [{ name: "app", image: "step" }] });
    await nodes.see("crashing", isReady);
    step.ends[0]?.(1);
    await nodes.see(
      "crashing",
      (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(pod),
    );
    assert.equal(await nodes.logs("crashing", "app", { previous: true }), "run 1 of app\n");
    assert.equal(await nodes.logs("crashing"), "run 2 of app\n");
    step.ends[1]?.(3);
    const waiting = await nodes.see("crashing", (pod) => {
      const [status] = pod.status?.containerStatuses ?? [];
      return status?.state?.waiting?.reason === "CrashLoopBackOff" && status;
    });
    const uid = nodes.api.pod("crashing")?.metadata.uid;
    assert.equal(
      waiting.state?.waiting?.message,
      `back-off 10s restarting failed container=app pod=crashing_sample(${uid})`,
    );
    assert.equal(waiting.lastState?.terminated?.exitCode, 3);
    assert.equal(await nodes.logs("crashing"), "run 2 of app\n");
    await nodes.api.client.delete(kinds.pods, "crashing", { namespace: "sample" });
    await nodes.isGone("crashing");
  });

  const policies = [
    { restartPolicy: "Never", exitCode: 0, phase: "Succeeded" },
    { restartPolicy: "Never", exitCode: 4, phase: "Failed" },
    { restartPolicy: "OnFailure", exitCode: 0, phase: "Succeeded" },
  ] as const;
  for (const { restartPolicy, exitCode, phase } of policies) {
    test(`with restartPolicy ${restartPolicy} and exit code ${exitCode} the pod is ${phase}`, async () => {
      const step = createTestStandIn("step");
      const nodes = await start({ standIns: [step] });
      await nodes.create("once", { restartPolicy, containers: [{ name: "app", image: "step" }] });
      await nodes.see("once", isReady);
      step.ends[0]?.(exitCode);
      const pod = await nodes.see("once", (seen) => seen.status?.phase === phase && seen);
      assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, exitCode);
      assert.equal(await nodes.logs("once"), "run 1 of app\n");
    });
  }

  test("an image without a stand-in says what to do", async () => {
    const nodes = await start();
    await nodes.create("unknown", { containers: [{ name: "app", image: "example.com/shop/cart:2" }] });
    const waiting = await nodes.see(
      "unknown",
      (pod) =>
        pod.status?.containerStatuses?.[0]?.state?.waiting?.message &&
        pod.status.containerStatuses[0].state.waiting,
    );
    assert.deepEqual(waiting, {
      reason: "ErrImagePull",
      message:
        "isthmus has no stand-in for image example.com/shop/cart:2; map it to a command with images: in the mesh file",
    });
    await assert.rejects(nodes.logs("unknown"), {
      message: /is waiting to start: trying and failing to pull image/,
    });
    const pod = nodes.api.pod("unknown");
    const containers = [{ name: "app", image: "curlimages/curl" }];
    await nodes.api.client.patch(
      kinds.pods,
      "unknown",
      { spec: { ...pod?.spec, containers } },
      { type: "merge", namespace: "sample" },
    );
    await nodes.see("unknown", isReady);
  });

  test("a container waits for the ConfigMap that its environment names", async () => {
    const nodes = await start();
    const env = [{ name: "COLOUR", valueFrom: { configMapKeyRef: { name: "paint", key: "colour" } } }];
    await nodes.create("painter", { containers: [{ name: "app", image: "curl", env }] });
    const waiting = await nodes.see("painter", (pod) => {
      const state = pod.status?.containerStatuses?.[0]?.state;
      return state?.waiting?.reason === "CreateContainerConfigError" && state.waiting;
    });
    assert.equal(waiting.message, `configmap "paint" not found`);
    const metadata = { name: "paint", namespace: "sample" };
    await nodes.api.client.create(kinds.configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { colour: "blue" },
    });
    await nodes.see("painter", isReady);
    const { stdout } = await nodes.exec("painter", ["sh", "-c", "echo $COLOUR"]);
    assert.equal(stdout, "blue\n");
  });

  test("a pod waits for the volumes that it mounts", async () => {
    const nodes = await start();
    await nodes.create("mounting", {
      volumes: [{ name: "root", configMap: { name: "istio-ca-root-cert" } }],
      containers: [{ name: "app", image: "curl", volumeMounts: [{ name: "root", mountPath: "/etc/root" }] }],
    });
    await nodes.see("mounting", () =>
      nodes.eventMessages().some((message) => message.includes('volume "root"')),
    );
    const metadata = { name: "istio-ca-root-cert", namespace: "sample" };
    await nodes.api.client.create(kinds.configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { "root.pem": "PEM" },
    });
    await nodes.see("mounting", isReady);
    const { stdout } = await nodes.exec("mounting", ["cat", "/etc/root/root.pem"]);
    assert.equal(stdout, "PEM");
  });

  test("a failing liveness probe restarts the container, with Kubernetes' words for it", async () => {
    const step = createTestStandIn("step");
    const nodes = await start({ standIns: [step] });
    const livenessProbe = { tcpSocket: { port: 4999 }, periodSeconds: 1, failureThreshold: 1 };
    await nodes.create("dying", { containers: [{ name: "app", image: "step", livenessProbe }] });
    await nodes.see("dying", (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1);
    const messages = nodes.eventMessages();
    assert.ok(messages.includes("Container app failed liveness probe, will be restarted"));
    assert.ok(
      messages.some((message) =>
        /^Liveness probe failed: dial tcp 127\.99\.\d+\.\d+:4999: connect: connection refused$/.test(message),
      ),
    );
  });

  test("pods of an earlier run are started again in their place", async () => {
    const first = await start();
    await first.create("lasting", { containers: [helloworld] });
    const before = await first.see("lasting", (pod) => isReady(pod) && pod);
    await first.runtime.stop(0);
    const second = await start({}, first.api);
    const after = await second.see(
      "lasting",
      (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(pod) && pod,
    );
    assert.equal(after.status?.podIP, before.status?.podIP);
    assert.equal(after.status?.containerStatuses?.[0]?.lastState?.terminated?.reason, "Unknown");
  });

  test("a pod that an engine before this one called ready is not called so until it runs again", async () => {
    const order: string[] = [];
    const first = await start({ standIns: [createTestStandIn("step", order)] });
    await first.create("lasting", { containers: [{ name: "app", image: "step" }] });
    await first.see("lasting", isReady);
    await first.runtime.stop(0);
    assert.ok(isReady(first.api.pod("lasting") ?? assert.fail("the pod is gone")));
    let open = () => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const standIn = createTestStandIn("step", order);
    const slow = {
      ...standIn,
      start: (context: ContainerContext) => held.then(() => standIn.start(context)),
    };
    const second = await start({ standIns: [slow] }, first.api);
    const pod = second.api.pod("lasting");
    assert.equal(pod?.status?.conditions?.find(({ type }) => type === "Ready")?.status, "False");
    assert.equal(pod?.status?.containerStatuses?.[0]?.ready, false);
    open();
    await second.see("lasting", isReady);
  });

  test("a container whose program never ends is given up after its grace, and its pod goes", async () => {
    const standIn = createTestStandIn("step");
    const stubborn = {
      ...standIn,
      start: async (context: ContainerContext) => ({
        ...(await standIn.start(context)),
        stop: () => new Promise<void>(() => {}),
      }),
    };
    const nodes = await start({ standIns: [stubborn] });
    await nodes.create("stubborn", {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "app", image: "step" }],
    });
    await nodes.see("stubborn", isReady);
    await nodes.runtime.stop(0);
  });

  test("a preStop hook runs before the container is stopped", async () => {
    const order: string[] = [];
    const nodes = await start({ standIns: [createTestStandIn("step", order)] });
    await nodes.create("polite", {
      containers: [
        {
          name: "app",
          image: "step",
          lifecycle: { preStop: { exec: { command: ["sh", "-c", "echo bye >> said"] } } },
        },
      ],
    });
    await nodes.see("polite", isReady);
    await nodes.api.client.delete(kinds.pods, "polite", { namespace: "sample" });
    await nodes.isGone("polite");
    assert.deepEqual(order, ["start app", "stop app"]);
    assert.ok(!nodes.eventMessages().some((message) => message.includes("PreStopHook failed")));
  });

  test("readiness gates hold a pod back until their condition is true", async () => {
    const nodes = await start();
    await nodes.create("gated", {
      readinessGates: [{ conditionType: "example.com/open" }],
      containers: [{ name: "app", image: "curl" }],
    });
    const condition = await nodes.see("gated", (pod) =>
      pod.status?.conditions?.find(
        ({ type, reason }) => type === "Ready" && reason === "ReadinessGatesNotReady",
      ),
    );
    assert.equal(
      condition.message,
      'corresponding condition of pod readiness gate "example.com/open" does not exist.',
    );
    const conditions = [
      ...(nodes.api.pod("gated")?.status?.conditions ?? []),
      { type: "example.com/open", status: "True" },
    ];
    await nodes.api.client.patch(
      kinds.pods,
      "gated",
      { status: { conditions } },
      { type: "merge", namespace: "sample", subresource: "status" },
    );
    await nodes.see("gated", isReady);
  });
});
