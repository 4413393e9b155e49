import { type Container, type PodSpec, quantityMillis } from "../../kube/index.ts";

/** Amounts by resource name ("cpu", "memory", "nvidia.com/gpu"), in thousandths. */
export type Amounts = ReadonlyMap<string, number>;

/**
 * What the pod asks a node for: the sum of its containers and sidecars, or what an init container needs beside
 * the sidecars started before it, whichever is more; and the pod's overhead.
 */
export function podRequests(spec: PodSpec): Amounts {
  const running = new Map<string, number>();
  for (const container of spec.containers) add(running, containerRequests(container));
  const sidecars = new Map<string, number>();
  const starting = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const requests = containerRequests(container);
    if (container.restartPolicy === "Always") {
      add(sidecars, requests);
      raise(starting, sidecars);
    } else {
      const together = new Map(sidecars);
      add(together, requests);
      raise(starting, together);
    }
  }
  add(running, sidecars);
  raise(running, starting);
  add(running, amounts(spec["overhead"]));
  return running;
}

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

function raise(total: Map<string, number>, least: Amounts): void {
  for (const [name, amount] of least) total.set(name, Math.max(total.get(name) ?? 0, amount));
}

/** A limit without a request is a request, as API defaulting would have it. */
function containerRequests({ resources }: Container): Amounts {
  return new Map([...amounts(resources?.limits), ...amounts(resources?.requests)]);
}
