import type { KubeObject } from "../../kube/index.ts";
import { invalidValue } from "../causes.ts";
import { child, children, type Draft, ensure, number, text, texts } from "../draft.ts";
import { internalError, invalid } from "../status.ts";
import type { Store } from "../storage/store.ts";
import type { CommitHook } from "../verbs/context.ts";

const services = { group: "", kind: "Service" };

interface Ranges {
  readonly clusterIps: { readonly first: string; readonly last: string };
  readonly nodePorts: { readonly first: number; readonly last: number };
}

/**
 * Hands out cluster addresses and node ports when a Service is stored: the lowest free ones, so that the same
 * objects created in the same order get the same addresses. What a Service asks for by name is checked. Node ports of
 * the lower band are given out last, as Kubernetes does: those are the ones that users write into their manifests.
 */
export function serviceAddresses(store: Store, ranges: Ranges): CommitHook {
  const resource = store.resource("services");
  const addresses = createPool(addressNumber(ranges.clusterIps.first), addressNumber(ranges.clusterIps.last));
  const { first, last } = ranges.nodePorts;
  const ports = createPool(first, last, first + staticBand(last - first + 1));
  const note = (service: KubeObject, take: boolean) => {
    for (const address of clusterIps(service)) addresses.set(addressNumber(address), take);
    for (const port of nodePorts(service)) ports.set(port, take);
  };
  for (const service of resource.list()) note(service, true);
  resource.subscribe(({ type, object, previous }) => {
    if (previous !== undefined) note(previous, false);
    if (type !== "DELETED") note(object, true);
  });

  return {
    beforePut(draft, old) {
      const spec = ensure(draft, "spec");
      if (text(spec, "type") === "ExternalName") return;
      allocateAddress(draft, old);
      allocatePorts(draft, old);
    },
  };

  function allocateAddress(draft: Draft, old: KubeObject | undefined): void {
    const spec = ensure(draft, "spec");
    const wanted = text(spec, "clusterIP") ?? "";
    if (wanted === "None") {
      spec["clusterIPs"] = ["None"];
      return;
    }
    if (wanted === "") {
      const free = addresses.lowestFree();
      if (free === undefined) throw internalError("failed to allocate a serviceIP: range is full");
      spec["clusterIP"] = addressText(free);
      spec["clusterIPs"] = [addressText(free)];
      return;
    }
    if (old !== undefined && clusterIps(old).includes(wanted)) return;
    const refuse = (why: string) =>
      invalid(services, draft.metadata.name, [
        invalidValue("spec.clusterIPs", [wanted], `failed to allocate IP ${wanted}: ${why}`),
      ]);
    const value = addressNumber(wanted);
    if (!addresses.contains(value)) {
      const { first, last } = ranges.clusterIps;
      throw refuse(`the provided IP is not in the valid range. The range of valid IPs is ${first}-${last}`);
    }
    if (addresses.isTaken(value)) throw refuse("provided IP is already allocated");
    spec["clusterIPs"] = [wanted];
  }

  function allocatePorts(draft: Draft, old: KubeObject | undefined): void {
    const spec = ensure(draft, "spec");
    const type = text(spec, "type");
    const needs =
      type === "NodePort" || (type === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] !== false);
    const mine = new Set(old === undefined ? [] : nodePorts(old));
    const given = new Map<number, string>();
    for (const [i, port] of children(spec, "ports").entries()) {
      const wanted = number(port, "nodePort") ?? 0;
      const protocol = text(port, "protocol") ?? "TCP";
      if (wanted === 0) continue;
      const at = `spec.ports[${i}].nodePort`;
      if (!ports.contains(wanted))
        throw invalid(services, draft.metadata.name, [
          invalidValue(
            at,
            wanted,
            `provided port is not in the valid range. The range of valid ports is ${ranges.nodePorts.first}-${ranges.nodePorts.last}`,
          ),
        ]);
      // One number may serve TCP and UDP of the same Service.
      const isOurs = mine.has(wanted) || (given.has(wanted) && given.get(wanted) !== protocol);
      if (!isOurs && (ports.isTaken(wanted) || given.has(wanted)))
        throw invalid(services, draft.metadata.name, [
          invalidValue(at, wanted, "provided port is already allocated"),
        ]);
      given.set(wanted, protocol);
    }
    if (!needs) return;
    for (const port of children(spec, "ports")) {
      if ((number(port, "nodePort") ?? 0) !== 0) continue;
      const free = ports.lowestFree(given);
      if (free === undefined) throw internalError("failed to allocate a nodePort: range is full");
      port["nodePort"] = free;
      given.set(free, text(port, "protocol") ?? "TCP");
    }
  }
}

function clusterIps(service: KubeObject): string[] {
  return texts(child(service, "spec"), "clusterIPs").filter(
    (address) => address !== "None" && address !== "",
  );
}

function nodePorts(service: KubeObject): number[] {
  return children(child(service, "spec"), "ports").flatMap((port) => {
    const value = number(port, "nodePort") ?? 0;
    return value === 0 ? [] : [value];
  });
}

/** How many of `size` node ports are meant to be chosen by users (KEP-3668). */
function staticBand(size: number): number {
  const least = 16;
  return size <= least ? 0 : Math.min(Math.max(least, Math.floor(size / 32)), 128);
}

/** Numbers of a range, some of which are taken. */
interface Pool {
  contains(value: number): boolean;
  isTaken(value: number): boolean;
  set(value: number, taken: boolean): void;
  lowestFree(except?: ReadonlyMap<number, unknown>): number | undefined;
}

/** Numbers before `preferred` are handed out last. */
function createPool(first: number, last: number, preferred = first): Pool {
  const taken = new Set<number>();
  // No number between `preferred` and this one is free; keeps the search short while numbers are only taken.
  let from = preferred;
  return {
    contains: (value) => value >= first && value <= last,
    isTaken: (value) => taken.has(value),
    set(value, isTaken) {
      if (isTaken) taken.add(value);
      else {
        taken.delete(value);
        if (value >= preferred && value < from) from = value;
      }
    },
    lowestFree(except) {
      while (from <= last && taken.has(from)) from++;
      const isFree = (value: number) => !taken.has(value) && except?.has(value) !== true;
      for (let value = from; value <= last; value++) if (isFree(value)) return value;
      for (let value = first; value < preferred; value++) if (isFree(value)) return value;
      return undefined;
    },
  };
}

/** An IPv4 address as a number; -1 for anything else, which is in no range. */
function addressNumber(address: string): number {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return -1;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function addressText(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}
