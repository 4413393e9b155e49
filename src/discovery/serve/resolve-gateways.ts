import type { Clock, Logger, Signal } from "../../base/index.ts";
import { isIp } from "../translate/names.ts";
import type { World } from "../translate/world.ts";
import { keepLookedUp } from "./keep-looked-up.ts";
import type { ChangeSink } from "./sources.ts";

/** How long found addresses are taken as true. */
const refreshMs = 30_000;

/**
 * Looks up the host names by which gateways of networks are given, again and again, and puts the addresses where
 * translation finds them. A name that has none any more keeps the last that it had: a resolver's bad moment must not
 * cut networks off from each other.
 */
export function resolveGateways(
  sink: ChangeSink,
  options: {
    world(): World;
    /** Told after every change of the World. */
    readonly worldChanges: Signal;
    resolve(name: string): Promise<readonly string[]>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly log: Logger;
  },
): void {
  const { gatewayAddresses } = sink.objects;
  keepLookedUp<readonly string[]>({
    wanted: () => options.world().rules.networkGateways.hostNames,
    changes: options.worldChanges,
    async look(name) {
      const addresses = [...new Set((await options.resolve(name)).filter(isIp))].sort();
      return addresses.length > 0 ? addresses : undefined;
    },
    put(name, addresses) {
      if (gatewayAddresses.get(name)?.join() === addresses?.join()) return;
      if (addresses === undefined) gatewayAddresses.delete(name);
      else gatewayAddresses.set(name, addresses);
      sink.changes().rules = true;
      sink.schedule();
    },
    failed: (name) => options.log.warn({ name }, "a gateway's host name has no address"),
    refresh: refreshMs,
    mostRetry: refreshMs,
    clock: options.clock,
    signal: options.signal,
  });
}
