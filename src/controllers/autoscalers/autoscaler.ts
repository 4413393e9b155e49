import { type Condition, type Kind, type KubeObject, kinds } from "../../kube/index.ts";
import type { ScaleReference } from "../core/scale.ts";

/** What a metric shall be (autoscaling/v2 MetricTarget). Quantities as text. */
export interface MetricTarget {
  readonly type?: string;
  /** Percent of what the pods request. */
  readonly averageUtilization?: number;
  readonly averageValue?: string;
  readonly value?: string;
}

/** One metric of an autoscaler. `type` names the field that is set. */
export interface MetricSpec {
  readonly type: string;
  readonly resource?: { readonly name: string; readonly target: MetricTarget };
  readonly containerResource?: {
    readonly name: string;
    readonly container: string;
    readonly target: MetricTarget;
  };
  readonly pods?: { readonly metric: { readonly name: string } };
  readonly object?: {
    readonly metric: { readonly name: string };
    readonly describedObject: { readonly kind: string; readonly name: string };
  };
  readonly external?: { readonly metric: { readonly name: string } };
}

/** How fast replicas may change in one direction (HPAScalingRules), with the API server's defaults. */
export interface ScalingRules {
  readonly stabilizationWindowSeconds?: number;
  readonly selectPolicy?: string;
  readonly policies?: readonly {
    readonly type: string;
    readonly value: number;
    readonly periodSeconds: number;
  }[];
  /** How far a metric may be off its target, as a quantity: "0.05". */
  readonly tolerance?: string;
}

/** Kubernetes autoscaling/v2 HorizontalPodAutoscaler. */
export interface Autoscaler extends KubeObject {
  readonly spec: {
    readonly scaleTargetRef: Omit<ScaleReference, "apiVersion"> & { readonly apiVersion?: string };
    readonly minReplicas?: number;
    readonly maxReplicas: number;
    readonly metrics?: readonly MetricSpec[];
    readonly behavior?: { readonly scaleUp?: ScalingRules; readonly scaleDown?: ScalingRules };
  };
  readonly status?: AutoscalerStatus;
}

export interface AutoscalerStatus {
  readonly observedGeneration?: number;
  readonly lastScaleTime?: string;
  readonly currentReplicas?: number;
  readonly desiredReplicas: number;
  readonly currentMetrics?: readonly object[] | null;
  readonly conditions?: readonly Condition[];
}

export const autoscalers = kinds.autoscalers as Kind<Autoscaler>;
