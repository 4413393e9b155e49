import type { Pod } from "../../kube/index.ts";

/** The container in which sidecars and gateways run their proxy. */
const proxyContainer = "istio-proxy";

/** Whether the pod's condition Ready is true and it is not about to end. */
export function isReady({ metadata, status }: Pod): boolean {
  const condition = status?.conditions?.find(({ type }) => type === "Ready");
  return condition?.status === "True" && metadata.deletionTimestamp === undefined;
}

/** Whether the pod runs or is about to: neither ended nor ending. */
export function isAlive({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined && status?.phase !== "Succeeded" && status?.phase !== "Failed"
  );
}

/** The proxy's container, also where it is a native sidecar. */
export function proxyOf({ spec }: Pod) {
  return [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => name === proxyContainer);
}

/** "pod.namespace", as istiod names proxies. */
export function podId({ metadata }: Pod): string {
  return `${metadata.name}.${metadata.namespace ?? "default"}`;
}

/** When the pod, or the last of its containers, started, in milliseconds since 1970; NaN before that. */
export function runningSince({ status }: Pod): number {
  const containers = (status?.containerStatuses ?? []).flatMap(
    ({ state }) => state?.running?.startedAt ?? [],
  );
  return Math.max(...[status?.startTime ?? "", ...containers].map((time) => Date.parse(time)));
}

/** Why a pod is not ready, as its status says it; empty when it says nothing. */
export function podTrouble({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return "ending";
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return `not scheduled: ${scheduled.message ?? ""}`;
  const container = status?.containerStatuses?.find(({ ready }) => !ready);
  const waiting = container?.state?.waiting;
  if (waiting?.reason === undefined) return container === undefined ? "" : `${container.name} is not ready`;
  return `${container?.name}: ${waiting.reason}${waiting.message === undefined ? "" : `, ${waiting.message}`}`;
}
