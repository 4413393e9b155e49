import { meetsRequirement } from "../label-selector.ts";
import type { KubeObject } from "../object.ts";
import type { Pod } from "../types.ts";

/** The part of a ResourceQuota's spec that says which objects it is about. */
export interface QuotaScopes {
  readonly scopes?: readonly string[];
  readonly scopeSelector?: {
    readonly matchExpressions?: readonly {
      readonly scopeName: string;
      readonly operator: string;
      readonly values?: readonly string[];
    }[];
  };
}

/** Whether an object of the resource falls under all scopes of a quota. Scopes are about pods only. */
export function isInScope(
  { scopes = [], scopeSelector }: QuotaScopes,
  resource: string,
  object: KubeObject,
): boolean {
  const wanted = [
    ...scopes.map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
  if (wanted.length === 0) return true;
  return resource === "pods" && wanted.every((scope) => podMatches(object as Pod, scope));
}

function podMatches(
  pod: Pod,
  scope: { readonly scopeName: string; readonly operator: string; readonly values?: readonly string[] },
): boolean {
  const { spec } = pod;
  const isTerminating = typeof spec["activeDeadlineSeconds"] === "number";
  switch (scope.scopeName) {
    case "Terminating":
      return isTerminating;
    case "NotTerminating":
      return !isTerminating;
    case "BestEffort":
      return isBestEffort(pod);
    case "NotBestEffort":
      return !isBestEffort(pod);
    case "PriorityClass": {
      const name = spec["priorityClassName"];
      return meetsRequirement(scope, typeof name === "string" && name !== "" ? name : undefined);
    }
    case "CrossNamespacePodAffinity":
      return hasCrossNamespaceTerm(spec.affinity);
    default:
      return false;
  }
}

function isBestEffort({ spec }: Pod): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].every(({ resources }) =>
    [resources?.requests, resources?.limits].every(
      (list) => list?.["cpu"] === undefined && list?.["memory"] === undefined,
    ),
  );
}

/** Whether any pod affinity or anti-affinity term looks beyond the pod's own namespace. */
function hasCrossNamespaceTerm(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("topologyKey" in value) {
    const { namespaces, namespaceSelector } = value as {
      readonly namespaces?: readonly string[];
      readonly namespaceSelector?: unknown;
    };
    return (namespaces ?? []).length > 0 || (namespaceSelector ?? undefined) !== undefined;
  }
  return Object.values(value).some(hasCrossNamespaceTerm);
}
