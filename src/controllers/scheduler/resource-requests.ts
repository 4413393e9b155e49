import { type Container, type PodSpec, quantityMillis, wholePod } from "../../kube/index.ts";

/** Amounts by resource name ("cpu", "memory", "nvidia.com/gpu"), in thousandths. */
export type Amounts = ReadonlyMap<string, number>;

/** What the pod asks a node for, overhead included. */
export function podRequests(spec: PodSpec): Amounts {
  const requests = wholePod(spec, containerRequests, numbers);
  add(requests, amounts(spec["overhead"]));
  return requests;
}

const numbers = { add: (a: number, b: number) => a + b, max: Math.max };

/** The amounts of a Kubernetes ResourceList, without entries that are no quantities. */
export function amounts(list: unknown): Map<string, number> {
  const parsed = new Map<string, number>();
  if (typeof list !== "object" || list === null) return parsed;
  for (const [name, quantity] of Object.entries(list)) {
    const millis = quantityMillis(String(quantity));
    if (millis !== undefined) parsed.set(name, millis);
  }
  return parsed;
}

/** Adds `more` to `total`, in place; a negative `sign` takes it away. */
export function add(total: Map<string, number>, more: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + sign * amount);
}

/** A limit without a request is a request, as API defaulting would have it. */
function containerRequests({ resources }: Container): Amounts {
  return new Map([...amounts(resources?.limits), ...amounts(resources?.requests)]);
}
