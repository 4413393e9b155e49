import type { KubeObject, LabelSelector, Webhook } from "../../../kube/index.ts";
import type { MatchCondition } from "../match-conditions.ts";

/** Which requests a policy or a binding is about (admissionregistration.k8s.io/v1 MatchResources). */
export interface MatchResources {
  readonly resourceRules?: readonly ResourceRule[];
  readonly excludeResourceRules?: readonly ResourceRule[];
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly matchPolicy?: string;
}

export type ResourceRule = NonNullable<Webhook["rules"]>[number] & {
  /** Empty: all. */
  readonly resourceNames?: readonly string[];
};

export interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
}

/** Kubernetes admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy. */
export interface Policy extends KubeObject {
  readonly spec?: {
    readonly paramKind?: { readonly apiVersion?: string; readonly kind?: string };
    readonly matchConstraints?: MatchResources;
    readonly matchConditions?: readonly MatchCondition[];
    readonly validations?: readonly Validation[];
    readonly variables?: readonly { readonly name: string; readonly expression: string }[];
    readonly failurePolicy?: "Fail" | "Ignore";
  };
}

/** Kubernetes admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding. */
export interface Binding extends KubeObject {
  readonly spec?: {
    readonly policyName?: string;
    readonly paramRef?: {
      readonly name?: string;
      readonly namespace?: string;
      readonly selector?: LabelSelector;
      readonly parameterNotFoundAction?: "Allow" | "Deny";
    };
    readonly matchResources?: MatchResources;
    readonly validationActions?: readonly string[];
  };
}

export const policyResource = "validatingadmissionpolicies.admissionregistration.k8s.io";
export const bindingResource = "validatingadmissionpolicybindings.admissionregistration.k8s.io";
