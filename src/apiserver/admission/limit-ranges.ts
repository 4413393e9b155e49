import {
  compareQuantities,
  containerTotals,
  formatQuantity,
  type KubeObject,
  type Pod,
  type Quantity,
  type ResourceList,
  resourceList,
} from "../../kube/index.ts";
import { child, children, type Draft, ensure, type JsonObject, text } from "../draft.ts";
import { forbidden } from "../status.ts";
import type { Store } from "../storage/store.ts";
import type { AdmissionRequest } from "./admission.ts";

const annotation = "kubernetes.io/limit-ranger";

/** Gives the containers of a new pod what the LimitRanges of its namespace say of those that say nothing. */
export function setLimitDefaults(store: Store, draft: Draft): void {
  for (const range of store.resource("limitranges").list(draft.metadata.namespace ?? "")) {
    const requests: JsonObject = {};
    const limits: JsonObject = {};
    for (const item of itemsOf(range, "Container")) {
      Object.assign(requests, child(item, "defaultRequest"));
      Object.assign(limits, child(item, "default"));
    }
    const spec = child(draft, "spec");
    const said = [
      ...children(spec, "containers").flatMap((one) => fill(one, "container", requests, limits)),
      ...children(spec, "initContainers").flatMap((one) => fill(one, "init container", requests, limits)),
    ];
    if (said.length > 0)
      draft.metadata.annotations = {
        ...draft.metadata.annotations,
        [annotation]: `LimitRanger plugin set: ${said.join("; ")}`,
      };
  }
}

/** Fills in what is missing, and says what that was. */
function fill(container: JsonObject, what: string, requests: JsonObject, limits: JsonObject): string[] {
  const resources = ensure(container, "resources");
  const set = (list: "requests" | "limits", defaults: JsonObject) => {
    const missing = Object.keys(defaults).filter((name) => child(resources, list)?.[name] === undefined);
    for (const name of missing) ensure(resources, list)[name] = defaults[name];
    const which = list === "requests" ? "request" : "limit";
    return missing.length === 0
      ? []
      : [`${missing.sort().join(", ")} ${which} for ${what} ${text(container, "name") ?? ""}`];
  };
  // What is set as a limit here is no request, unlike a limit that the user set.
  return [...set("requests", requests), ...set("limits", limits)];
}

/** Throws a 403 when a new pod, or a claim, breaks a bound of its namespace's LimitRanges. */
export function requireWithinLimits(store: Store, request: AdmissionRequest, object: KubeObject): void {
  const { type, operation, subresource, namespace = "" } = request;
  const isPod = type.storedAs === "pods" && operation === "CREATE";
  if (subresource !== undefined || (!isPod && type.storedAs !== "persistentvolumeclaims")) return;
  for (const range of store.resource("limitranges").list(namespace)) {
    const broken = isPod ? podProblems(range, object as Pod) : claimProblems(range, object);
    if (broken.length > 0)
      throw forbidden(
        type,
        object.metadata.name,
        broken.length === 1 ? (broken[0] ?? "") : `[${broken.join(", ")}]`,
      );
  }
}

interface Asked {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

function podProblems(range: KubeObject, { spec }: Pod): string[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const whole = { requests: statedByAll(spec, "requests"), limits: statedByAll(spec, "limits") };
  return [
    ...itemsOf(range, "Container").flatMap((item) =>
      containers.flatMap(({ resources }) =>
        problems(item, "Container", {
          requests: resourceList(resources?.requests),
          limits: resourceList(resources?.limits),
        }),
      ),
    ),
    ...itemsOf(range, "Pod").flatMap((item) => problems(item, "Pod", whole)),
  ];
}

/** The pod's sum, of the resources that every container names. */
function statedByAll(spec: Pod["spec"], list: "requests" | "limits"): ResourceList {
  const isStated = (name: string) =>
    spec.containers.every(({ resources }) => resources?.[list]?.[name] !== undefined);
  return new Map([...containerTotals(spec, list)].filter(([name]) => isStated(name)));
}

function claimProblems(range: KubeObject, claim: KubeObject): string[] {
  const type = "PersistentVolumeClaim";
  const requests = resourceList(child(child(child(claim, "spec"), "resources"), "requests"));
  return itemsOf(range, type).flatMap((item) => [
    ...bounds(item, "min").flatMap(([name, bound]) => tooLittle(type, name, bound, requests, new Map())),
    ...bounds(item, "max").flatMap(([name, bound]) => {
      const request = requests.get(name);
      const most = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
      if (request === undefined) return [`${most}.  No request is specified`];
      return compareQuantities(request, bound) > 0
        ? [`${most}, but request is ${formatQuantity(request)}`]
        : [];
    }),
  ]);
}

function problems(item: JsonObject, type: string, { requests, limits }: Asked): string[] {
  return [
    ...bounds(item, "min").flatMap(([name, bound]) => tooLittle(type, name, bound, requests, limits)),
    ...bounds(item, "max").flatMap(([name, bound]) => tooMuch(type, name, bound, requests, limits)),
    ...bounds(item, "maxLimitRequestRatio").flatMap(([name, bound]) =>
      tooWide(type, name, bound, requests.get(name), limits.get(name)),
    ),
  ];
}

function tooLittle(
  type: string,
  name: string,
  bound: Quantity,
  requests: ResourceList,
  limits: ResourceList,
): string[] {
  const [request, limit] = [requests.get(name), limits.get(name)];
  const least = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  if (request === undefined) return [`${least}.  No request is specified`];
  if (compareQuantities(request, bound) < 0) return [`${least}, but request is ${formatQuantity(request)}`];
  return limit !== undefined && compareQuantities(limit, bound) < 0
    ? [`${least}, but limit is ${formatQuantity(limit)}`]
    : [];
}

function tooMuch(
  type: string,
  name: string,
  bound: Quantity,
  requests: ResourceList,
  limits: ResourceList,
): string[] {
  const [request, limit] = [requests.get(name), limits.get(name)];
  const most = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  if (limit === undefined) return [`${most}.  No limit is specified`];
  if (compareQuantities(limit, bound) > 0) return [`${most}, but limit is ${formatQuantity(limit)}`];
  return request !== undefined && compareQuantities(request, bound) > 0
    ? [`${most}, but request is ${formatQuantity(request)}`]
    : [];
}

function tooWide(
  type: string,
  name: string,
  bound: Quantity,
  request: Quantity | undefined,
  limit: Quantity | undefined,
): string[] {
  const most = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  if (request === undefined || request.unscaled === 0n)
    return [`${most}, but no request is specified or request is 0`];
  if (limit === undefined || limit.unscaled === 0n)
    return [`${most}, but no limit is specified or limit is 0`];
  const ratio = numberOf(limit) / numberOf(request);
  return ratio > numberOf(bound) ? [`${most}, but provided ratio is ${ratio.toFixed(6)}`] : [];
}

function numberOf({ unscaled, scale }: Quantity): number {
  return Number(unscaled) / 10 ** scale;
}

function itemsOf(range: KubeObject, type: string): JsonObject[] {
  return children(child(range, "spec"), "limits").filter((item) => item["type"] === type);
}

function bounds(item: JsonObject, field: string): readonly [string, Quantity][] {
  return [...resourceList(item[field])].sort(([a], [b]) => (a < b ? -1 : 1));
}
