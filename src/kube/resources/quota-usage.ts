import type { KubeObject } from "../object.ts";
import { type Quantity, quantityValue } from "../quantity.ts";
import type { Container, Pod, Service } from "../types.ts";
import { podLimits, podRequests, type ResourceList, resourceList } from "./pod-resources.ts";

/** Names that quotas had for counts of objects before "count/…". */
const oldCounts: ReadonlySet<string> = new Set([
  "configmaps",
  "persistentvolumeclaims",
  "pods",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "services",
]);
const claimNames = /^(requests\.storage|.+\.storageclass\.storage\.k8s\.io\/.+)$/;
const serviceNames: ReadonlySet<string> = new Set(["services.nodeports", "services.loadbalancers"]);
const computeNames =
  /^((requests\.|limits\.)?(cpu|memory|ephemeral-storage)|(requests\.)?hugepages-.+|requests\.[^/]+\/.+)$/;

/**
 * The resource whose objects a name in a quota's spec.hard is about: "pods" of "requests.cpu",
 * "deployments.apps" of "count/deployments.apps". Undefined for names that mean nothing.
 */
export function quotaResource(name: string): string | undefined {
  if (name.startsWith("count/")) return name.slice("count/".length);
  if (oldCounts.has(name)) return name;
  if (claimNames.test(name)) return "persistentvolumeclaims";
  if (serviceNames.has(name)) return "services";
  return computeNames.test(name) ? "pods" : undefined;
}

/**
 * What one object takes of quotas, by the names of quotas. Pods that have ended, or that should be gone by `now`
 * (milliseconds), count as objects only.
 */
export function quotaUsage(resource: string, object: KubeObject, now: number): ResourceList {
  const usage = new Map<string, Quantity>([[`count/${resource}`, one]]);
  if (resource === "pods") return podIsOver(object as Pod, now) ? usage : withPod(usage, object as Pod);
  if (oldCounts.has(resource)) usage.set(resource, one);
  if (resource === "services") addService(usage, object as Service);
  if (resource === "persistentvolumeclaims") addClaim(usage, object);
  return usage;
}

/** Why a pod can't be counted against these names of a quota, in Kubernetes' words: every container must say how much it wants. */
export function unstatedResources(names: readonly string[], { spec }: Pod): string | undefined {
  const wanted = names.filter((name) => /^(requests\.|limits\.)?(cpu|memory)$/.test(name)).sort();
  const missing = wanted.flatMap((name) => {
    const containers = [...spec.containers, ...(spec.initContainers ?? [])]
      .filter((container) => !containerStates(container, name))
      .map((container) => container.name);
    return containers.length === 0 ? [] : [`${name} for: ${[...new Set(containers)].sort().join(",")}`];
  });
  return missing.length === 0 ? undefined : `must specify ${missing.join("; ")}`;
}

function containerStates({ resources }: Container, name: string): boolean {
  const list = name.startsWith("limits.") ? resources?.limits : resources?.requests;
  return list?.[name.replace(/^(requests|limits)\./, "")] !== undefined;
}

const one = count(1);

function count(value: number): Quantity {
  return { unscaled: BigInt(value), scale: 0, format: "DecimalSI" };
}

function podIsOver({ status, metadata }: Pod, now: number): boolean {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function withPod(usage: Map<string, Quantity>, { spec }: Pod): ResourceList {
  usage.set("pods", one);
  for (const [name, amount] of podRequests(spec)) {
    const isExtended = name.includes("/");
    if (!isExtended) usage.set(name, amount);
    usage.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of podLimits(spec)) if (!name.includes("/")) usage.set(`limits.${name}`, amount);
  return usage;
}

function addService(usage: Map<string, Quantity>, { spec }: Service): void {
  const ports = spec.ports ?? [];
  const isBalanced = spec.type === "LoadBalancer";
  const allocates =
    spec.type === "NodePort" || (isBalanced && spec["allocateLoadBalancerNodePorts"] !== false);
  const asked = isBalanced ? ports.filter(({ nodePort = 0 }) => nodePort !== 0) : [];
  usage.set("services.nodeports", count((allocates ? ports : asked).length));
  usage.set("services.loadbalancers", count(isBalanced ? 1 : 0));
}

function addClaim(usage: Map<string, Quantity>, claim: KubeObject): void {
  const spec = claim["spec"] as
    | { readonly storageClassName?: string; readonly resources?: { readonly requests?: unknown } }
    | undefined;
  const annotated = claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"];
  const className = annotated ?? spec?.storageClassName ?? "";
  const storage = resourceList(spec?.resources?.requests).get("storage");
  const whole = storage && { ...storage, unscaled: BigInt(quantityValue(storage)), scale: 0 };
  const places = className === "" ? [""] : ["", `${className}.storageclass.storage.k8s.io/`];
  for (const place of places) {
    usage.set(`${place}persistentvolumeclaims`, one);
    if (whole !== undefined) usage.set(`${place}requests.storage`, whole);
  }
}
