import type { JsonObject, KubeObject } from "../../kube/index.ts";
import { timeSince } from "./human-duration.ts";
import { age, at, columns, count, hasCondition, list, type TableKind, text, textOr } from "./table-kind.ts";

/** What the containers of a pod say about it. */
interface Summary {
  reason: string;
  ready: number;
  total: number;
  restarts: number;
  /** RFC 3339; "" when nothing ever ended. */
  lastRestart: string;
}

/** The table of pods. */
export const podTable: TableKind = {
  columns: columns(
    "Name",
    "Ready",
    "Status",
    "Restarts",
    "Age",
    "IP*",
    "Node*",
    "Nominated Node*",
    "Readiness Gates*",
  ),
  cells(pod, now) {
    const { reason, ready, total, restarts, lastRestart } = summarize(pod);
    const since = restarts > 0 && lastRestart !== "" ? ` (${timeSince(lastRestart, now)} ago)` : "";
    const [firstAddress] = list(pod, "status", "podIPs");
    return [
      pod.metadata.name,
      `${ready}/${total}`,
      reason,
      `${restarts}${since}`,
      age(pod, now),
      text(firstAddress, "ip") || textOr("<none>", pod, "status", "podIP"),
      textOr("<none>", pod, "spec", "nodeName"),
      textOr("<none>", pod, "status", "nominatedNodeName"),
      readinessGates(pod),
    ];
  },
  conditions(pod) {
    const phase = text(pod, "status", "phase");
    return phase === "Succeeded" ? succeeded : phase === "Failed" ? failed : undefined;
  },
};

const succeeded: readonly JsonObject[] = [
  { type: "Completed", status: "True", reason: "Succeeded", message: "The pod has completed successfully." },
];
const failed: readonly JsonObject[] = [
  { type: "Completed", status: "True", reason: "Failed", message: "The pod failed." },
];

function summarize(pod: KubeObject): Summary {
  const phase = text(pod, "status", "phase");
  const summary: Summary = {
    reason: textOr(phase, pod, "status", "reason"),
    ready: 0,
    total: list(pod, "spec", "containers").length,
    restarts: 0,
    lastRestart: "",
  };
  const isGated = list(pod, "status", "conditions").some(
    (condition) =>
      text(condition, "type") === "PodScheduled" && text(condition, "reason") === "SchedulingGated",
  );
  if (isGated) summary.reason = "SchedulingGated";
  const initializing = addInitContainers(pod, summary);
  if (!initializing || hasCondition(pod, "Initialized")) addContainers(pod, summary);
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (text(pod, "status", "reason") === "NodeLost") summary.reason = "Unknown";
    else if (phase !== "Succeeded" && phase !== "Failed") summary.reason = "Terminating";
  }
  return summary;
}

/** Takes in the init containers up to the first that is not done; returns whether there is such a one. */
function addInitContainers(pod: KubeObject, summary: Summary): boolean {
  const containers = list(pod, "spec", "initContainers");
  const sidecars = new Set(
    containers
      .filter((container) => text(container, "restartPolicy") === "Always")
      .map((container) => text(container, "name")),
  );
  summary.total += sidecars.size;
  const ofSidecars = { restarts: 0, lastRestart: "" };
  let initializing = false;
  for (const [i, status] of list(pod, "status", "initContainerStatuses").entries()) {
    const isSidecar = sidecars.has(text(status, "name"));
    addRestarts(status, summary);
    if (isSidecar) addRestarts(status, ofSidecars);
    const terminated = at(status, "state", "terminated");
    if (terminated !== undefined && count(terminated, "exitCode") === 0) continue;
    if (isSidecar && at(status, "started") === true) {
      if (at(status, "ready") === true) summary.ready++;
      continue;
    }
    const waiting = text(status, "state", "waiting", "reason");
    if (terminated !== undefined) summary.reason = `Init:${endReason(terminated)}`;
    else if (waiting !== "" && waiting !== "PodInitializing") summary.reason = `Init:${waiting}`;
    else summary.reason = `Init:${i}/${containers.length}`;
    initializing = true;
    break;
  }
  // Once the pod is initialized, only sidecars and containers count.
  if (!initializing || hasCondition(pod, "Initialized")) Object.assign(summary, ofSidecars);
  return initializing;
}

function addContainers(pod: KubeObject, summary: Summary): void {
  let isRunning = false;
  for (const status of list(pod, "status", "containerStatuses").toReversed()) {
    addRestarts(status, summary);
    const waiting = text(status, "state", "waiting", "reason");
    const terminated = at(status, "state", "terminated");
    if (waiting !== "") summary.reason = waiting;
    else if (terminated !== undefined) summary.reason = endReason(terminated);
    else if (at(status, "ready") === true && at(status, "state", "running") !== undefined) {
      isRunning = true;
      summary.ready++;
    }
  }
  // One container that is done does not make the pod look done while another runs.
  if (summary.reason === "Completed" && isRunning)
    summary.reason = hasCondition(pod, "Ready") ? "Running" : "NotReady";
}

function addRestarts(status: unknown, into: { restarts: number; lastRestart: string }): void {
  into.restarts += count(status, "restartCount");
  const ended = text(status, "lastState", "terminated", "finishedAt");
  if (ended !== "" && (into.lastRestart === "" || Date.parse(ended) > Date.parse(into.lastRestart)))
    into.lastRestart = ended;
}

function endReason(terminated: unknown): string {
  const reason = text(terminated, "reason");
  if (reason !== "") return reason;
  const signal = count(terminated, "signal");
  return signal === 0 ? `ExitCode:${count(terminated, "exitCode")}` : `Signal:${signal}`;
}

function readinessGates(pod: KubeObject): string {
  const gates = list(pod, "spec", "readinessGates");
  if (gates.length === 0) return "<none>";
  const open = gates.filter((gate) => hasCondition(pod, text(gate, "conditionType")));
  return `${open.length}/${gates.length}`;
}
