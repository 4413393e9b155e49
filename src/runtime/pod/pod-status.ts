import {
  type Condition,
  type ContainerStatus,
  kubeTime,
  type Pod,
  type PodStatus,
} from "../../kube/index.ts";

/** What the node knows about one container of a pod. */
export interface ContainerFacts {
  /**
   * "sidecar": an init container that is started before the others and stays (restartPolicy Always). "ephemeral":
   * one that was added to the running pod; it counts neither for the pod's phase nor for its readiness.
   */
  readonly role: "init" | "sidecar" | "app" | "ephemeral";
  readonly status: ContainerStatus;
}

export interface PodFacts {
  readonly containers: readonly ContainerFacts[];
  readonly hostIP: string;
  /** Absent before the pod has its network. */
  readonly podIP?: string;
  readonly startTime: string;
  /** Set once the pod as a whole was given up, for example after its deadline. */
  readonly failure?: { readonly reason: string; readonly message: string };
  /** Everything of the pod has ended because it is being deleted. */
  readonly isKilled: boolean;
}

/** The status that a kubelet reports for these facts. Conditions of others (PodScheduled, gates) are left alone. */
export function podStatus(
  pod: Pod,
  facts: PodFacts,
  previous: PodStatus | undefined,
  now: number,
): PodStatus {
  const { containers, hostIP, podIP, startTime, failure } = facts;
  const phase = phaseOf(pod, facts);
  const statuses = (wanted: readonly string[]) =>
    containers.filter(({ role }) => wanted.includes(role)).map(({ status }) => status);
  const init = statuses(["init", "sidecar"]);
  const ephemeral = statuses(["ephemeral"]);
  return {
    phase,
    conditions: conditionsOf(pod, facts, phase).map((condition) => withTransition(condition, previous, now)),
    ...(failure === undefined ? {} : failure),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: statuses(["app"]),
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
  };
}

type Phase = NonNullable<PodStatus["phase"]>;

function phaseOf(pod: Pod, { containers, failure, isKilled }: PodFacts): Phase {
  if (failure !== undefined) return "Failed";
  const policy = pod.spec.restartPolicy ?? "Always";
  const init = containers.filter(({ role }) => role === "init");
  if (
    policy === "Never" &&
    init.some(({ status }) => exitCode(status) !== undefined && exitCode(status) !== 0)
  ) {
    return "Failed";
  }
  const apps = containers.filter(({ role }) => role === "app").map(({ status }) => status);
  const ended = apps.filter(({ state }) => state?.terminated !== undefined);
  const failed = ended.some((status) => exitCode(status) !== 0);
  if (isKilled && ended.length > 0 && ended.length === apps.length) return failed ? "Failed" : "Succeeded";
  const initialized = containers.every(
    ({ role, status }) =>
      role === "app" ||
      role === "ephemeral" ||
      (role === "init" ? exitCode(status) === 0 : status.started === true || status.lastState !== undefined),
  );
  const waitsForFirstRun = apps.some(
    ({ state, lastState }) => state?.waiting !== undefined && lastState?.terminated === undefined,
  );
  if (!initialized && ended.length === 0 && apps.every(({ state }) => state?.running === undefined))
    return "Pending";
  if (waitsForFirstRun) return "Pending";
  if (apps.some(({ state }) => state?.running !== undefined) || policy === "Always") return "Running";
  if (ended.length < apps.length) return "Running";
  if (!failed) return "Succeeded";
  return policy === "Never" ? "Failed" : "Running";
}

function exitCode({ state }: ContainerStatus): number | undefined {
  return state?.terminated?.exitCode;
}

type Judgement = Pick<Condition, "type" | "status" | "reason" | "message">;

function conditionsOf(pod: Pod, { containers, podIP }: PodFacts, phase: Phase): readonly Judgement[] {
  const isOver = phase === "Succeeded" || phase === "Failed";
  const incomplete = containers.filter(({ role, status }) =>
    role === "init" ? exitCode(status) !== 0 : role === "sidecar" && status.started !== true && !isOver,
  );
  const initialized: Judgement =
    phase === "Succeeded"
      ? { type: "Initialized", status: "True", reason: "PodCompleted" }
      : incomplete.length === 0
        ? { type: "Initialized", status: "True" }
        : {
            type: "Initialized",
            status: "False",
            reason: "ContainersNotInitialized",
            message: `containers with incomplete status: [${namesOf(incomplete)}]`,
          };
  const unready = containersReady(containers, phase);
  return [
    { type: "PodReadyToStartContainers", status: podIP === undefined || isOver ? "False" : "True" },
    initialized,
    { type: "Ready", ...(unready.status === "True" ? gatesReady(pod) : unready) },
    { type: "ContainersReady", ...unready },
  ];
}

function containersReady(containers: readonly ContainerFacts[], phase: Phase): Omit<Judgement, "type"> {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const unready = containers.filter(
    ({ role, status }) => role !== "init" && role !== "ephemeral" && !status.ready,
  );
  if (unready.length === 0) return { status: "True" };
  const message = `containers with unready status: [${namesOf(unready)}]`;
  return { status: "False", reason: "ContainersNotReady", message };
}

function gatesReady(pod: Pod): Omit<Judgement, "type"> {
  const problems = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (condition === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === "True") return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  if (problems.length === 0) return { status: "True" };
  return { status: "False", reason: "ReadinessGatesNotReady", message: problems.join(", ") };
}

function namesOf(containers: readonly ContainerFacts[]): string {
  return containers.map(({ status }) => status.name).join(" ");
}

function withTransition(condition: Judgement, previous: PodStatus | undefined, now: number): Condition {
  const before = previous?.conditions?.find(({ type }) => type === condition.type);
  const same = before?.status === condition.status && before.lastTransitionTime !== undefined;
  const lastTransitionTime = same ? (before.lastTransitionTime ?? kubeTime(now)) : kubeTime(now);
  return { ...condition, lastProbeTime: null, lastTransitionTime };
}
