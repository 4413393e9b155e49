import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { ContainerState, Pod, PodSpec, PodStatus } from "../../kube/index.ts";
import { type ContainerFacts, type PodFacts, podStatus } from "./pod-status.ts";

type Policy = NonNullable<PodSpec["restartPolicy"]>;

const running: ContainerState = { running: { startedAt: "2030-01-01T00:00:00Z" } };
const waiting: ContainerState = { waiting: { reason: "ContainerCreating" } };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });

function container(
  role: ContainerFacts["role"],
  name: string,
  state: ContainerState,
  lastState = {},
): ContainerFacts {
  const isRunning = state.running !== undefined;
  const ready = role === "init" ? state.terminated?.exitCode === 0 : isRunning;
  const status = {
    name,
    ready,
    started: isRunning,
    restartCount: 0,
    image: "i",
    imageID: "i",
    state,
    lastState,
  };
  return { role, status };
}

function statusOf(
  containers: readonly ContainerFacts[],
  restartPolicy: Policy = "Always",
  more: Partial<PodFacts> = {},
): PodStatus {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [], restartPolicy },
  };
  const facts = {
    containers,
    hostIP: "127.16.254.1",
    podIP: "127.16.0.9",
    startTime: "2030-01-01T00:00:00Z",
    isKilled: false,
  };
  return podStatus(pod, { ...facts, ...more }, undefined, Date.parse("2030-01-01T00:00:05Z"));
}

test("an ephemeral container counts neither for the phase nor for readiness", () => {
  const app = container("app", "a", running);
  for (const state of [waiting, running, ended(1)]) {
    const status = statusOf([app, container("ephemeral", "debug", state)]);
    assert.equal(status.phase, "Running");
    assert.equal(status.conditions?.find(({ type }) => type === "Ready")?.status, "True");
    assert.deepEqual(
      [status.containerStatuses, status.ephemeralContainerStatuses].map((list) =>
        list?.map(({ name }) => name),
      ),
      [["a"], ["debug"]],
    );
  }
});

suite("phase", () => {
  const cases: readonly [policy: Policy, containers: readonly ContainerFacts[], phase: string][] = [
    ["Always", [container("app", "a", waiting)], "Pending"],
    ["Always", [container("app", "a", running)], "Running"],
    ["Always", [container("app", "a", ended(1))], "Running"],
    ["Always", [container("app", "a", waiting, ended(1))], "Running"],
    ["Always", [container("app", "a", running), container("app", "b", waiting)], "Pending"],
    ["Always", [container("init", "i", running), container("app", "a", waiting)], "Pending"],
    ["Always", [container("init", "i", ended(0)), container("app", "a", running)], "Running"],
    ["Always", [container("sidecar", "s", running), container("app", "a", waiting)], "Pending"],
    ["Never", [container("init", "i", ended(1)), container("app", "a", waiting)], "Failed"],
    ["Never", [container("app", "a", ended(0))], "Succeeded"],
    ["Never", [container("app", "a", ended(0)), container("app", "b", ended(2))], "Failed"],
    ["Never", [container("app", "a", ended(0)), container("app", "b", running)], "Running"],
    ["OnFailure", [container("app", "a", ended(0))], "Succeeded"],
    ["OnFailure", [container("app", "a", ended(2))], "Running"],
    ["OnFailure", [container("sidecar", "s", running), container("app", "a", ended(0))], "Succeeded"],
  ];
  for (const [policy, containers, phase] of cases) {
    const shown = containers.map(({ role, status }) =>
      `${role} ${Object.keys(status.state ?? {})[0]} ${status.state?.terminated?.exitCode ?? ""}`.trim(),
    );
    test(`${policy}: ${shown.join(", ")} is ${phase}`, () =>
      assert.equal(statusOf(containers, policy).phase, phase));
  }

  test("a pod that is being deleted ends by its containers' exit codes", () => {
    const killed = { isKilled: true };
    assert.equal(statusOf([container("app", "a", ended(0))], "Always", killed).phase, "Succeeded");
    assert.equal(statusOf([container("app", "a", ended(143))], "Always", killed).phase, "Failed");
  });
});

suite("conditions", () => {
  const conditionsOf = (containers: readonly ContainerFacts[], policy?: Policy) =>
    Object.fromEntries(
      (statusOf(containers, policy).conditions ?? []).map(({ type, status, reason, message }) => [
        type,
        [status, reason, message].filter((part) => part !== undefined).join(" / "),
      ]),
    );

  test("name the containers that are not ready", () => {
    assert.deepEqual(conditionsOf([container("app", "a", running), container("app", "b", ended(1))]), {
      PodReadyToStartContainers: "True",
      Initialized: "True",
      Ready: "False / ContainersNotReady / containers with unready status: [b]",
      ContainersReady: "False / ContainersNotReady / containers with unready status: [b]",
    });
  });

  test("name the init containers that have not ended", () => {
    const { Initialized } = conditionsOf([container("init", "i", running), container("app", "a", waiting)]);
    assert.equal(Initialized, "False / ContainersNotInitialized / containers with incomplete status: [i]");
  });

  test("say that a pod has completed", () => {
    assert.deepEqual(conditionsOf([container("app", "a", ended(0))], "Never"), {
      PodReadyToStartContainers: "False",
      Initialized: "True / PodCompleted",
      Ready: "False / PodCompleted",
      ContainersReady: "False / PodCompleted",
    });
  });

  test("keep the time of their last change", () => {
    const first = statusOf([container("app", "a", running)]);
    const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { containers: [] } };
    const facts = {
      containers: [container("app", "a", ended(1))],
      hostIP: "h",
      podIP: "i",
      startTime: "s",
      isKilled: false,
    };
    const later = podStatus(pod, facts, first, Date.parse("2030-01-01T00:01:00Z"));
    const times = Object.fromEntries(
      (later.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    assert.equal(times["Initialized"], "2030-01-01T00:00:05Z");
    assert.equal(times["Ready"], "2030-01-01T00:01:00Z");
  });
});
