import { IsthmusError } from "../base/index.ts";
import {
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type LabelSelector,
  type Pod,
} from "../kube/index.ts";

const workloadKinds: Readonly<Record<string, Kind>> = {
  deploy: kinds.deployments,
  deployment: kinds.deployments,
  deployments: kinds.deployments,
  sts: kinds.statefulSets,
  statefulset: kinds.statefulSets,
  ds: kinds.daemonSets,
  daemonset: kinds.daemonSets,
  rs: kinds.replicaSets,
};

/**
 * The ready pods that a reference names, newest last: "deploy/NAME.NAMESPACE", "POD.NAMESPACE" as istioctl
 * writes it, or "POD" in the namespace default. workload/not-found when there is none.
 */
export async function findPods(
  client: KubeClient,
  cluster: string,
  reference: string,
): Promise<readonly Pod[]> {
  const [kindName, full] = reference.includes("/") ? splitAt(reference, "/") : ["pod", reference];
  const [name, namespace] = full.includes(".") ? splitAt(full, ".", true) : [full, "default"];
  if (kindName === "pod" || kindName === "pods" || kindName === "po") {
    const pod = await client.get(kinds.pods, name, namespace);
    if (pod === undefined) throw notFound(cluster, `pod ${name} in namespace ${namespace}`, namespace);
    return [pod];
  }
  const kind = workloadKinds[kindName];
  if (kind === undefined) {
    throw new IsthmusError("arguments/wrong", `"${reference}" names no workload`, {
      nextStep: "Write deploy/NAME.NAMESPACE or POD.NAMESPACE.",
    });
  }
  const workload = await client.get(kind, name, namespace);
  if (workload === undefined)
    throw notFound(cluster, `${kind.kind} ${name} in namespace ${namespace}`, namespace);
  const pods = await client.list(kinds.pods, { namespace, labelSelector: selectorText(workload) });
  const ready = pods.items.filter(isReady);
  if (ready.length === 0) {
    throw new IsthmusError(
      "workload/not-found",
      `${kind.kind} ${name} in namespace ${namespace} of ${cluster} has no ready pod`,
      {
        nextStep: `Look at kubectl --context ${cluster} -n ${namespace} get pods.`,
      },
    );
  }
  return ready;
}

/** Whether the pod's condition Ready is true and it is not about to end. */
export function isReady(pod: Pod): boolean {
  const condition = pod.status?.conditions?.find(({ type }) => type === "Ready");
  return condition?.status === "True" && pod.metadata.deletionTimestamp === undefined;
}

function selectorText(workload: KubeObject): string {
  const { selector } = workload["spec"] as { readonly selector?: LabelSelector };
  return Object.entries(selector?.matchLabels ?? {})
    .map(([label, value]) => `${label}=${value}`)
    .join(",");
}

function splitAt(text: string, mark: string, last = false): readonly [string, string] {
  const at = last ? text.lastIndexOf(mark) : text.indexOf(mark);
  return [text.slice(0, at), text.slice(at + 1)];
}

function notFound(cluster: string, what: string, namespace: string): IsthmusError {
  return new IsthmusError("workload/not-found", `${cluster} has no ${what}`, {
    nextStep: `kubectl --context ${cluster} -n ${namespace} get deployments,pods shows what there is.`,
  });
}
