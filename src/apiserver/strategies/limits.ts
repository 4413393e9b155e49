import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quotaResource,
  type ResourceList,
  resourceList,
} from "../../kube/index.ts";
import { duplicate, fieldForbidden, immutable, invalidValue, notSupported, required } from "../causes.ts";
import { child, children, ensure, fillDefaults, type JsonObject, text, texts } from "../draft.ts";
import type { Strategy } from "../registry/resource-type.ts";
import type { Cause } from "../status.ts";

const scopes = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
];
const opposites = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];
/** What may be counted of pods that say nothing about resources. */
const bestEffortNames = new Set(["pods", "count/pods"]);

/** Rules of resource quotas. */
export const resourceQuotas: Strategy = {
  prepareCreate(draft) {
    draft["status"] = {};
  },
  validate(object) {
    const spec = child(object, "spec");
    const hard = Object.entries(child(spec, "hard") ?? {});
    return [
      ...hard.flatMap(([name, value]) => hardCauses(name, value)),
      ...scopeCauses(
        texts(spec, "scopes"),
        hard.map(([name]) => name),
      ),
      ...children(child(spec, "scopeSelector"), "matchExpressions").flatMap((one, i) =>
        scopes.includes(text(one, "scopeName") ?? "")
          ? []
          : [
              notSupported(
                `spec.scopeSelector.matchExpressions[${i}].scopeName`,
                text(one, "scopeName") ?? "",
                scopes,
              ),
            ],
      ),
    ];
  },
  validateUpdate: (object, old) =>
    ["scopes", "scopeSelector"]
      .filter(
        (field) =>
          JSON.stringify(child(object, "spec")?.[field]) !== JSON.stringify(child(old, "spec")?.[field]),
      )
      .map((field) => immutable(`spec.${field}`, child(object, "spec")?.[field] ?? null)),
};

function hardCauses(name: string, value: unknown): Cause[] {
  const at = `spec.hard[${name}]`;
  if (quotaResource(name) === undefined)
    return [
      invalidValue(
        at,
        name,
        name.includes("/")
          ? "must be a standard resource for quota"
          : "must be a standard resource type or fully qualified",
      ),
    ];
  const quantity = parseQuantity(String(value));
  if (quantity === undefined) return [];
  if (quantity.unscaled < 0n) return [invalidValue(at, String(value), "must be greater than or equal to 0")];
  const isCount = !/(cpu|memory|storage|hugepages-.*)$/.test(name);
  return isCount && quantity.scale > 0 ? [invalidValue(at, String(value), "must be an integer")] : [];
}

function scopeCauses(named: readonly string[], hard: readonly string[]): Cause[] {
  const causes = named
    .filter((scope) => !scopes.includes(scope))
    .map((scope) => invalidValue("spec.scopes", scope, "unsupported scope"));
  const isForPods = hard.every((name) => quotaResource(name) === "pods");
  if (named.length > 0 && !isForPods)
    causes.push(invalidValue("spec.scopes", named, "unsupported scope applied to resource"));
  if (named.includes("BestEffort") && !hard.every((name) => bestEffortNames.has(name)))
    causes.push(invalidValue("spec.scopes", named, "unsupported scope applied to resource"));
  if (opposites.some((pair) => pair.every((scope) => named.includes(scope))))
    causes.push(invalidValue("spec.scopes", named, "conflicting scopes"));
  return causes;
}

const limitTypes = ["Container", "PersistentVolumeClaim", "Pod"];

/** Rules of limit ranges. */
export const limitRanges: Strategy = {
  createsOnUpdate: true,
  setDefaults(draft) {
    for (const item of children(ensure(draft, "spec"), "limits")) {
      if (item["type"] !== "Container") continue;
      const limits = ensure(item, "default");
      const requests = ensure(item, "defaultRequest");
      fillDefaults(limits, child(item, "max") ?? {});
      fillDefaults(requests, limits);
      fillDefaults(requests, child(item, "min") ?? {});
      for (const field of ["default", "defaultRequest"])
        if (Object.keys(child(item, field) ?? {}).length === 0) delete item[field];
    }
  },
  validate(object) {
    const seen = new Set<string>();
    return children(child(object, "spec"), "limits").flatMap((item, i) => {
      const at = `spec.limits[${i}]`;
      const type = text(item, "type") ?? "";
      const causes = limitCauses(item, type, at);
      if (type === "") causes.unshift(required(`${at}.type`));
      else if (!limitTypes.includes(type) && !type.includes("/"))
        causes.unshift(notSupported(`${at}.type`, type, limitTypes));
      if (seen.has(type)) causes.push(duplicate(`${at}.type`, type));
      seen.add(type);
      return causes;
    });
  },
};

function limitCauses(item: JsonObject, type: string, at: string): Cause[] {
  const list = (field: string): ResourceList => resourceList(item[field]);
  const [min, max, usual, usualRequest, ratio] = [
    list("min"),
    list("max"),
    list("default"),
    list("defaultRequest"),
    list("maxLimitRequestRatio"),
  ];
  const causes: Cause[] = [];
  if (type === "Pod")
    for (const [field, values] of [
      ["default", usual],
      ["defaultRequest", usualRequest],
    ] as const)
      if (values.size > 0)
        causes.push(fieldForbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'"));
  if (type === "PersistentVolumeClaim" && !min.has("storage") && !max.has("storage"))
    causes.push(
      required(
        `${at}.limits`,
        "either minimum or maximum storage value is required, but neither was provided",
      ),
    );
  const ordered: readonly [string, ResourceList, string, ResourceList, string][] = [
    ["min", min, "min", max, "max"],
    ["defaultRequest", min, "min", usualRequest, "default request"],
    ["defaultRequest", usualRequest, "default request", max, "max"],
    ["default", min, "min", usual, "default"],
    ["default", usual, "default", max, "max"],
    ["defaultRequest", usualRequest, "default request", usual, "default limit"],
  ];
  for (const [field, less, lessName, more, moreName] of ordered)
    for (const [name, low] of less) {
      const high = more.get(name);
      if (high === undefined || compareQuantities(low, high) <= 0) continue;
      const shown = String((item[field] as JsonObject | undefined)?.[name]);
      const why = `${lessName} value ${formatQuantity(low)} is greater than ${moreName} value ${formatQuantity(high)}`;
      causes.push(invalidValue(`${at}.${field}[${name}]`, shown, why));
    }
  for (const [name, value] of ratio)
    if (value.unscaled < 10n ** BigInt(value.scale))
      causes.push(
        invalidValue(
          `${at}.maxLimitRequestRatio[${name}]`,
          formatQuantity(value),
          `ratio ${formatQuantity(value)} is less than 1`,
        ),
      );
  return causes;
}
