import type { MeshService } from "./services.ts";

/**
 * One service a host: a Kubernetes Service before a ServiceEntry, one of the own namespace before others, else the
 * oldest. ServiceEntries of one namespace that say the same but for ports and addresses are one service.
 */
export function preferOwn(services: readonly MeshService[], namespace: string): readonly MeshService[] {
  const rank = (service: MeshService) =>
    (service.registry === "Kubernetes" ? 2 : 0) + (service.namespace === namespace ? 1 : 0);
  const best = new Map<string, MeshService>();
  for (const service of services) {
    const known = best.get(service.host);
    if (known === undefined || rank(service) > rank(known)) best.set(service.host, service);
  }
  if (best.size === services.length) return services;
  const merged = new Map<string, MeshService>();
  for (const service of services) {
    const first = best.get(service.host);
    if (first === undefined || (first !== service && !isSameEntry(first, service))) continue;
    const before = merged.get(service.host);
    merged.set(service.host, before === undefined ? service : mergeServices(before, service));
  }
  return [...merged.values()];
}

function isSameEntry(a: MeshService, b: MeshService): boolean {
  const identity = ({ registry, namespace, resolution, labels, selector, exportTo }: MeshService) =>
    JSON.stringify([
      registry,
      namespace,
      resolution,
      Object.entries(labels).sort(),
      Object.entries(selector ?? {}).sort(),
      [...exportTo].sort(),
    ]);
  return a.registry === "External" && identity(a) === identity(b);
}

function mergeServices(first: MeshService, other: MeshService): MeshService {
  const ports = other.ports.filter(({ port }) => first.ports.every((known) => known.port !== port));
  const addresses = other.addresses.filter((address) => !first.addresses.includes(address));
  const allocated = other.allocated.filter((address) => !first.allocated.includes(address));
  return {
    ...first,
    ports: [...first.ports, ...ports],
    addresses: [...first.addresses, ...addresses],
    allocated: [...first.allocated, ...allocated],
  };
}

/**
 * Services of several lists, one a host. A service that lists show different ports of has all of them; of
 * different services with one host the first counts.
 */
export function unionOfServices(lists: readonly (readonly MeshService[])[]): readonly MeshService[] {
  const [only] = lists;
  if (only !== undefined && lists.length === 1) return only;
  const found = new Map<string, MeshService>();
  for (const service of lists.flat()) {
    const before = found.get(service.host);
    if (before === undefined) found.set(service.host, service);
    else if (before !== service && before.namespace === service.namespace && hasMore(before, service))
      found.set(service.host, mergeServices(before, service));
  }
  return [...found.values()];
}

const hasMore = (known: MeshService, other: MeshService) =>
  known.registry === other.registry &&
  other.ports.some(({ port }) => known.ports.every((item) => item.port !== port));
