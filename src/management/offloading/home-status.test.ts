import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Condition, Pod, PodStatus } from "../../kube/index.ts";
import { homeStatus, statusPatch } from "./home-status.ts";

const earlier = "2026-01-01T00:00:00Z";
const now = Date.parse("2026-01-01T00:01:00Z");
const condition = (type: string, status: Condition["status"] = "True"): Condition => ({
  type,
  status,
  lastTransitionTime: earlier,
});
const pod = (status: PodStatus, spec: Partial<Pod["spec"]> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop" },
  spec: { containers: [{ name: "web" }], ...spec },
  status,
});
const container = { name: "web", ready: true, restartCount: 2, image: "web", imageID: "" };
const running: PodStatus = {
  phase: "Running",
  podIP: "127.17.0.4",
  podIPs: [{ ip: "127.17.0.4" }],
  hostIP: "127.17.254.1",
  qosClass: "Guaranteed",
  containerStatuses: [container],
  conditions: [condition("PodScheduled", "False"), condition("ContainersReady"), condition("Ready")],
};
const waiting: PodStatus = {
  phase: "Pending",
  qosClass: "Burstable",
  conditions: [condition("PodScheduled")],
};
const readyOf = (status: PodStatus) => status.conditions?.find(({ type }) => type === "Ready");

suite("the status at home of a pod that runs elsewhere", () => {
  test("is what the kubelet there says; scheduling and class are of home", () => {
    const status = homeStatus(pod(waiting), pod(running), { now, unready: undefined });
    assert.deepEqual(status, {
      phase: "Running",
      podIP: "127.17.0.4",
      podIPs: [{ ip: "127.17.0.4" }],
      hostIP: "127.17.254.1",
      qosClass: "Burstable",
      containerStatuses: [container],
      conditions: [condition("PodScheduled"), condition("ContainersReady"), condition("Ready")],
    });
  });

  test("is not ready while there is a reason, since when that began, and ready again at once afterwards", () => {
    const unready = { reason: "NodeNotReady", message: "provider1 does not answer" };
    const first = homeStatus(pod(running), undefined, { now, unready });
    assert.deepEqual(readyOf(first), {
      type: "Ready",
      status: "False",
      ...unready,
      lastTransitionTime: "2026-01-01T00:01:00Z",
    });
    assert.equal(first.podIP, "127.17.0.4", "what was last known stays");
    const later = homeStatus(pod(first), pod(running), { now: now + 60_000, unready });
    assert.equal(readyOf(later)?.lastTransitionTime, "2026-01-01T00:01:00Z");
    assert.deepEqual(
      readyOf(homeStatus(pod(first), pod(running), { now, unready: undefined })),
      condition("Ready"),
    );
  });

  test("judges the readiness gates that only home knows", () => {
    const gated = { readinessGates: [{ conditionType: "example.com/gate" }] };
    const options = { now, unready: undefined };
    assert.equal(
      readyOf(homeStatus(pod(waiting, gated), pod(running), options))?.reason,
      "ReadinessGatesNotReady",
    );
    const open = { ...waiting, conditions: [condition("PodScheduled"), condition("example.com/gate")] };
    assert.equal(readyOf(homeStatus(pod(open, gated), pod(running), options))?.status, "True");
  });

  test("loses what the provider no longer says, and its patch takes it away", () => {
    const { podIP: _, podIPs: __, ...without } = running;
    const status = homeStatus(pod(running), pod({ ...without, phase: "Pending" }), {
      now,
      unready: undefined,
    });
    assert.equal(status.podIP, undefined);
    const patch = statusPatch(running, status) as Record<string, unknown>;
    assert.deepEqual([patch["podIP"], patch["podIPs"], patch["phase"]], [null, null, "Pending"]);
    assert.equal(statusPatch(status, status), undefined);
  });
});
