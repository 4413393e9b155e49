import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
} from "../quantity.ts";
import type { Container, PodSpec } from "../types.ts";

/** Amounts by resource name: "cpu", "memory", "nvidia.com/gpu" (Kubernetes ResourceList). */
export type ResourceList = ReadonlyMap<string, Quantity>;

/** How amounts of some form are put together. */
export interface Arithmetic<V> {
  add(a: V, b: V): V;
  max(a: V, b: V): V;
}

/** The exact amounts of a ResourceList as objects carry it, without entries that are no quantities. */
export function resourceList(value: unknown): Map<string, Quantity> {
  const parsed = new Map<string, Quantity>();
  if (typeof value !== "object" || value === null) return parsed;
  for (const [name, amount] of Object.entries(value)) {
    const quantity = parseQuantity(String(amount));
    if (quantity !== undefined) parsed.set(name, quantity);
  }
  return parsed;
}

/** The amounts as objects carry them. */
export function formatResourceList(list: ResourceList): Readonly<Record<string, string>> {
  return Object.fromEntries([...list].map(([name, quantity]) => [name, formatQuantity(quantity)]));
}

/**
 * What a pod needs as a whole: the sum of its containers and sidecars, or what an init container needs beside the
 * sidecars started before it, whichever is more. Without the pod's overhead.
 */
export function wholePod<V>(
  { containers, initContainers = [] }: PodSpec,
  amountsOf: (container: Container) => ReadonlyMap<string, V>,
  arithmetic: Arithmetic<V>,
): Map<string, V> {
  const running = new Map<string, V>();
  for (const container of containers) merge(running, amountsOf(container), arithmetic.add);
  const sidecars = new Map<string, V>();
  const starting = new Map<string, V>();
  for (const container of initContainers) {
    const amounts = amountsOf(container);
    const together = container.restartPolicy === "Always" ? sidecars : new Map(sidecars);
    merge(together, amounts, arithmetic.add);
    merge(starting, together, arithmetic.max);
  }
  merge(running, sidecars, arithmetic.add);
  merge(running, starting, arithmetic.max);
  return running;
}

const quantities: Arithmetic<Quantity> = {
  add: addQuantities,
  max: (a, b) => (compareQuantities(a, b) < 0 ? b : a),
};

/** The exact sum of what the containers request, or of their limits, as far as they have any; without overhead. */
export function containerTotals(spec: PodSpec, list: "requests" | "limits"): Map<string, Quantity> {
  return wholePod(spec, ({ resources }) => resourceList(resources?.[list]), quantities);
}

/** What the pod asks a node for, overhead included. */
export function podRequests(spec: PodSpec): Map<string, Quantity> {
  const requests = containerTotals(spec, "requests");
  merge(requests, resourceList(spec["overhead"]), quantities.add);
  return requests;
}

/** What the pod may use at most, as far as its containers have limits; overhead included where there is one. */
export function podLimits(spec: PodSpec): Map<string, Quantity> {
  const limits = containerTotals(spec, "limits");
  for (const [name, amount] of resourceList(spec["overhead"])) {
    const limit = limits.get(name);
    if (limit !== undefined) limits.set(name, addQuantities(limit, amount));
  }
  return limits;
}

/** The sum of two lists; a name that is in one only counts as 0 in the other. */
export function addResources(a: ResourceList, b: ResourceList): Map<string, Quantity> {
  const sum = new Map(a);
  merge(sum, b, addQuantities);
  return sum;
}

function merge<V>(total: Map<string, V>, more: ReadonlyMap<string, V>, join: (a: V, b: V) => V): void {
  for (const [name, amount] of more) {
    const present = total.get(name);
    total.set(name, present === undefined ? amount : join(present, amount));
  }
}
