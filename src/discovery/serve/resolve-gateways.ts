import type { Clock, Logger, Signal } from "../../base/index.ts";
import { isIp } from "../translate/names.ts";
import type { World } from "../translate/world.ts";
import type { ChangeSink } from "./sources.ts";

/** How long found addresses are taken as true. */
const refreshMs = 30_000;
/** The first wait after a name that has no address; doubles up to `refreshMs`. */
const firstRetryMs = 1000;

interface Lookup {
  failures: number;
  cancel: () => void;
}

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
  const { clock, signal, log } = options;
  const { gatewayAddresses } = sink.objects;
  const lookups = new Map<string, Lookup>();

  const put = (name: string, addresses: readonly string[] | undefined) => {
    if (gatewayAddresses.get(name)?.join() === addresses?.join()) return;
    if (addresses === undefined) gatewayAddresses.delete(name);
    else gatewayAddresses.set(name, addresses);
    sink.changes().rules = true;
    sink.schedule();
  };
  const look = async (name: string, lookup: Lookup) => {
    const found = await options.resolve(name).catch(() => []);
    if (signal.aborted || lookups.get(name) !== lookup) return;
    const addresses = [...new Set(found.filter(isIp))].sort();
    if (addresses.length > 0) {
      lookup.failures = 0;
      put(name, addresses);
    } else if (lookup.failures++ === 0) {
      log.warn({ name }, "a gateway's host name has no address");
    }
    const wait =
      lookup.failures === 0 ? refreshMs : Math.min(refreshMs, firstRetryMs * 2 ** (lookup.failures - 1));
    lookup.cancel = clock.after(wait, () => void look(name, lookup));
  };
  const follow = () => {
    const wanted = new Set(options.world().rules.networkGateways.hostNames);
    for (const [name, lookup] of lookups) {
      if (wanted.has(name)) continue;
      lookup.cancel();
      lookups.delete(name);
      put(name, undefined);
    }
    for (const name of wanted) {
      if (lookups.has(name)) continue;
      const lookup: Lookup = { failures: 0, cancel: () => {} };
      lookups.set(name, lookup);
      void look(name, lookup);
    }
  };
  options.worldChanges.subscribe(follow, signal);
  signal.addEventListener(
    "abort",
    () => {
      for (const { cancel } of lookups.values()) cancel();
    },
    { once: true },
  );
  follow();
}
