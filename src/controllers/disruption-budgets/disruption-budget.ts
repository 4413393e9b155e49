import type { Condition, Kind, KubeObject, LabelSelector } from "../../kube/index.ts";

/** Kubernetes policy/v1 PodDisruptionBudget. */
export interface DisruptionBudget extends KubeObject {
  readonly spec: {
    readonly selector?: LabelSelector;
    /** A number of pods or a percentage of those that there should be. */
    readonly minAvailable?: number | string;
    readonly maxUnavailable?: number | string;
  };
  readonly status?: DisruptionStatus;
}

export interface DisruptionStatus {
  readonly observedGeneration?: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly disruptionsAllowed: number;
  readonly expectedPods: number;
  /** Pods whose eviction the API server has granted and that are not on their way yet, with when. */
  readonly disruptedPods?: Readonly<Record<string, string>>;
  readonly conditions?: readonly Condition[];
}

export const disruptionBudgets: Kind<DisruptionBudget> = {
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};
