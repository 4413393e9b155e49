import type { Condition, KubeObject } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";

/** Milliseconds within which an autoscaler may have seen no metrics of pods that have just started. */
const grace = 60_000;

/** Autoscalers that can't tell how busy their pods are, and so leave the number of them as it is. */
export const checkAutoscalers: Find = ({ clusters, now }) =>
  clusters.flatMap((cluster) => cluster.autoscalers.flatMap((object) => checkOne(object, cluster, now)));

function checkOne(object: KubeObject, cluster: ClusterView, now: number): Finding[] {
  const { conditions = [] } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
  const active = conditions.find(({ type }) => type === "ScalingActive");
  // ScalingDisabled: somebody has scaled the target to 0.
  if (active?.status !== "False" || active.reason === "ScalingDisabled") return [];
  const { reason = "", message = "" } = active;
  const isForGood = /missing request for/.test(message);
  if (!isForGood && now - Date.parse(active.lastTransitionTime ?? "") < grace) return [];
  const { name, namespace = "default" } = object.metadata;
  return [
    findingAbout(cluster, object, "status.conditions", {
      code: "autoscaler/no-metrics",
      severity: "warning",
      effect: `${namespace}/${name} of ${cluster.name} does not scale, however busy its pods are`,
      cause: message,
      seen: `ScalingActive is False: ${reason}`,
      fix: isForGood
        ? "give every container of the pods a resources.requests of what is measured"
        : `see kubectl --context ${cluster.name} -n ${namespace} describe hpa ${name}`,
    }),
  ];
}
