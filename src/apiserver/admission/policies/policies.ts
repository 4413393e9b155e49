import type { KubeObject } from "../../../kube/index.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ResourceType } from "../../registry/resource-type.ts";
import { deniedByPolicy } from "../../status.ts";
import type { Store } from "../../storage/store.ts";
import type { AdmissionRequest } from "../admission.ts";
import { reviewOf } from "../admission-review.ts";
import { matchedType, selectorsMatch } from "../webhook-match.ts";
import { evaluatePolicy } from "./evaluate-policy.ts";
import {
  type Binding,
  bindingResource,
  type MatchResources,
  type Policy,
  policyResource,
  type ResourceRule,
} from "./policy-objects.ts";

/** Nobody could take a policy away that forbids just that. */
const exempt = new Set([policyResource, bindingResource]);

/**
 * Asks the ValidatingAdmissionPolicies that bindings apply to a request. Those whose binding says Deny refuse it, with
 * Kubernetes' message; those that say Warn warn.
 */
export async function requirePolicies(
  parts: { readonly store: Store; readonly registry: Registry },
  request: AdmissionRequest,
  object: KubeObject | undefined,
): Promise<void> {
  const bindings = parts.store.resource(bindingResource);
  if (bindings.size === 0 || exempt.has(request.type.storedAs)) return;
  for (const binding of bindings.list() as readonly Binding[]) {
    const { policyName = "", matchResources = {}, validationActions = [] } = binding.spec ?? {};
    const policy = parts.store.resource(policyResource).get(policyName) as Policy | undefined;
    const type = policy && wantedType(parts, policy.spec?.matchConstraints ?? {}, request, object);
    if (policy === undefined || type === undefined) continue;
    // A binding without rules of its own takes whatever its policy does.
    const narrowed = { resourceRules: everything, ...matchResources };
    if (wantedType(parts, narrowed, request, object) === undefined) continue;
    const found = await evaluatePolicy(parts, policy, binding, reviewOf("", request, type, object));
    for (const { message, reason } of found) {
      const who = `ValidatingAdmissionPolicy '${policyName}' with binding '${binding.metadata.name}'`;
      if (validationActions.includes("Warn")) request.warn(`Validation failed for ${who}: ${message}`);
      if (validationActions.includes("Deny"))
        throw deniedByPolicy(
          request.type,
          object?.metadata.name ?? request.name,
          `${who} denied request: ${message}`,
          reason,
        );
    }
  }
}

const everything: readonly ResourceRule[] = [
  { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*", "*/*"], scope: "*" },
];

/** The version of the object that a policy wants to see; undefined when the request is none of its business. */
function wantedType(
  { store, registry }: { readonly store: Store; readonly registry: Registry },
  match: MatchResources,
  request: AdmissionRequest,
  object: KubeObject | undefined,
): ResourceType | undefined {
  const name = object?.metadata.name ?? request.name;
  const named = (rules: readonly ResourceRule[] = []) => ({
    rules: rules.filter(
      ({ resourceNames = [] }) => resourceNames.length === 0 || resourceNames.includes(name),
    ),
    ...(match.matchPolicy === undefined ? {} : { matchPolicy: match.matchPolicy }),
  });
  const type = matchedType(registry, named(match.resourceRules), request);
  if (type === undefined || !selectorsMatch(store, match, request, object)) return undefined;
  return matchedType(registry, named(match.excludeResourceRules), request) === undefined ? type : undefined;
}
