import { type KubeObject, matchesLabelSelector, type Webhook } from "../../kube/index.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import type { Store } from "../storage/store.ts";
import type { AdmissionRequest } from "./admission.ts";

/**
 * The version of the resource in which a webhook wants to see a request; undefined when it does not want to.
 * With matchPolicy Equivalent every version of the same objects counts.
 */
export function matchedType(
  registry: Registry,
  webhook: Pick<Webhook, "rules" | "matchPolicy">,
  request: AdmissionRequest,
): ResourceType | undefined {
  const own = (webhook.rules ?? []).some((rule) => ruleMatches(rule, request.type, request));
  if (own) return request.type;
  if (webhook.matchPolicy === "Exact") return undefined;
  return registry
    .versions(request.type.storedAs)
    .find(
      (type) =>
        type !== request.type && (webhook.rules ?? []).some((rule) => ruleMatches(rule, type, request)),
    );
}

type Rule = NonNullable<Webhook["rules"]>[number];

function ruleMatches(rule: Rule, type: ResourceType, { operation, subresource }: AdmissionRequest): boolean {
  const { scope = "*" } = rule;
  if (scope !== "*" && (scope === "Namespaced") !== type.namespaced) return false;
  return (
    has(rule.operations, operation) &&
    has(rule.apiGroups, type.group) &&
    has(rule.apiVersions, type.version) &&
    (rule.resources ?? []).some((pattern) => resourceMatches(pattern, type.plural, subresource))
  );
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes("*") || list.includes(value));
}

/** "pods", "*", "pods/*", "pods/exec", "*"/"exec" and all with a slash. */
function resourceMatches(pattern: string, plural: string, subresource: string | undefined): boolean {
  const [resource = "", part] = pattern.split("/");
  if (resource !== "*" && resource !== plural) return false;
  if (part === undefined) return subresource === undefined;
  return part === "*" || part === subresource;
}

/** Whether the webhook's selectors let a request through to it. */
export function selectorsMatch(
  store: Store,
  webhook: Pick<Webhook, "namespaceSelector" | "objectSelector">,
  request: AdmissionRequest,
  object: KubeObject | undefined,
): boolean {
  const { namespaceSelector = {}, objectSelector = {} } = webhook;
  if (request.type.storedAs === "namespaces") {
    const labels = (object ?? request.old)?.metadata.labels;
    if (!matchesLabelSelector(namespaceSelector, labels)) return false;
  } else if (request.type.namespaced) {
    const namespace = store.resource("namespaces").get(request.namespace ?? "");
    if (!matchesLabelSelector(namespaceSelector, namespace?.metadata.labels)) return false;
  }
  return [object, request.old].some(
    (one) => one !== undefined && matchesLabelSelector(objectSelector, one.metadata.labels),
  );
}
