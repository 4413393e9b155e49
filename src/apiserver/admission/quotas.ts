import {
  addResources,
  compareQuantities,
  formatQuantity,
  formatResourceList,
  isInScope,
  type KubeObject,
  type Pod,
  type Quantity,
  type QuotaScopes,
  quotaResource,
  quotaUsage,
  type ResourceList,
  resourceList,
  subtractQuantities,
  unstatedResources,
} from "../../kube/index.ts";
import { child, draftOf, ensure } from "../draft.ts";
import { forbidden } from "../status.ts";
import type { Store } from "../storage/store.ts";
import { keyOf } from "../verbs/context.ts";
import type { AdmissionRequest } from "./admission.ts";

const quotas = "resourcequotas";

/**
 * Counts a write against the ResourceQuotas of its namespace and notes the new use in their status, in the same
 * turn as the object is stored: however many come at once, no quota is overdrawn. Use goes down by the quota
 * controller alone. A quota counts from its first status on. Throws a 403 in Kubernetes' words.
 */
export function chargeQuotas(store: Store, request: AdmissionRequest, object: KubeObject, now: number): void {
  const { namespace = "", type, dryRun } = request;
  if (namespace === "" || !isCharged(request)) return;
  const all = store.resource(quotas).list(namespace);
  if (all.length === 0) return;
  const resource = type.storedAs;
  const refuse = (why: string) => forbidden(type, object.metadata.name, why);
  const usage = quotaUsage(resource, object, now);
  const before = request.old === undefined ? undefined : quotaUsage(resource, request.old, now);
  const charged = all.flatMap((quota) => {
    const { name } = quota.metadata;
    const scopes = (child(quota, "spec") ?? {}) as QuotaScopes;
    const hard = resourceList(child(quota, "status")?.["hard"]);
    const used = resourceList(child(quota, "status")?.["used"]);
    const names = [...hard.keys()].filter((one) => quotaResource(one) === resource);
    if (names.length === 0 || !isInScope(scopes, resource, object)) return [];
    const unstated = resource === "pods" ? unstatedResources(names, object as Pod) : undefined;
    if (unstated !== undefined) throw refuse(`failed quota: ${name}: ${unstated}`);
    if (names.some((one) => !used.has(one)))
      throw refuse(`status unknown for quota: ${name}, resources: ${names.sort().join(",")}`);
    const wasInScope = request.old !== undefined && isInScope(scopes, resource, request.old);
    const requested = growth(names, usage, wasInScope ? before : undefined);
    if (requested.size === 0) return [];
    requireRoom(name, requested, used, hard, refuse);
    return [{ quota, used: addResources(used, requested) }];
  });
  if (dryRun) return;
  for (const { quota, used } of charged) {
    const draft = draftOf(quota);
    ensure(draft, "status")["used"] = formatResourceList(used);
    store.resource(quotas).put(keyOf(quota.metadata.name, namespace), draft);
  }
}

/** What is counted when it is made, and the few things whose share may grow afterwards. */
function isCharged({ operation, subresource, type }: AdmissionRequest): boolean {
  if (type.storedAs === "events") return false;
  if (operation === "CREATE") return subresource === undefined;
  if (operation !== "UPDATE") return false;
  if (type.storedAs === "pods") return subresource === "resize";
  return (
    subresource === undefined && (type.storedAs === "services" || type.storedAs === "persistentvolumeclaims")
  );
}

/** How much more there would be, of what the quota names; never negative. */
function growth(
  names: readonly string[],
  usage: ResourceList,
  before: ResourceList | undefined,
): Map<string, Quantity> {
  const grown = new Map<string, Quantity>();
  for (const name of names) {
    const amount = usage.get(name);
    const past = before?.get(name);
    if (amount === undefined) continue;
    const more = past === undefined ? amount : subtractQuantities(amount, past);
    if (more.unscaled > 0n) grown.set(name, more);
  }
  return grown;
}

function requireRoom(
  name: string,
  requested: ResourceList,
  used: ResourceList,
  hard: ResourceList,
  refuse: (why: string) => Error,
): void {
  const after = addResources(used, requested);
  const exceeded = [...requested.keys()].sort().filter((resource) => {
    const [sum, limit] = [after.get(resource), hard.get(resource)];
    return sum !== undefined && limit !== undefined && compareQuantities(sum, limit) > 0;
  });
  if (exceeded.length === 0) return;
  const shown = (list: ResourceList) =>
    exceeded.map((resource) => `${resource}=${amountText(list.get(resource))}`).join(",");
  throw refuse(
    `exceeded quota: ${name}, requested: ${shown(requested)}, used: ${shown(used)}, limited: ${shown(hard)}`,
  );
}

function amountText(quantity: Quantity | undefined): string {
  return quantity === undefined ? "0" : formatQuantity(quantity);
}
