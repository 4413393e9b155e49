import type { HostEndpoints, WorkloadEndpoint } from "./workload-endpoints.ts";

/**
 * `next`, made of the objects of `before` wherever they say the same: what was made from those is still right.
 * `before` itself when nothing differs.
 */
export function keepEndpoints(
  before: HostEndpoints | undefined,
  next: HostEndpoints | undefined,
): HostEndpoints | undefined {
  if (before === undefined || next === undefined) return next;
  const known = new Map(before.endpoints.map((endpoint) => [placeOf(endpoint), endpoint]));
  const endpoints = next.endpoints.map((endpoint) => {
    const old = known.get(placeOf(endpoint));
    return old !== undefined && isSame(old, endpoint) ? old : endpoint;
  });
  const accounts = before.accounts.join() === next.accounts.join() ? before.accounts : next.accounts;
  const isUnchanged =
    accounts === before.accounts &&
    endpoints.length === before.endpoints.length &&
    endpoints.every((endpoint, i) => endpoint === before.endpoints[i]);
  return isUnchanged ? before : { endpoints, accounts };
}

const placeOf = ({ clusterId, address, port, portName }: WorkloadEndpoint) =>
  `${clusterId} ${address} ${port} ${portName}`;

function isSame(a: WorkloadEndpoint, b: WorkloadEndpoint): boolean {
  for (const field of Object.keys(b) as (keyof WorkloadEndpoint)[]) {
    const [left, right] = [a[field], b[field]];
    if (left === right) continue;
    if (typeof left !== "object" || typeof right !== "object") return false;
    if (JSON.stringify(left) !== JSON.stringify(right)) return false;
  }
  return Object.keys(a).length === Object.keys(b).length;
}
