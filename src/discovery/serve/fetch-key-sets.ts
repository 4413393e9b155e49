import type { Clock, Logger, Signal } from "../../base/index.ts";
import { isJsonObject } from "../../kube/index.ts";
import { asKeySet, keysToFetch, readKeySource } from "../translate/request-authentication.ts";
import type { World } from "../translate/world.ts";
import { keepLookedUp } from "./keep-looked-up.ts";
import type { ChangeSink } from "./sources.ts";

/** Most milliseconds between tries at an address that gives no keys. */
const mostRetry = 60_000;

/**
 * Fetches the keys of RequestAuthentications that name an address for them, or only an issuer (OpenID Connect Discovery
 * 1.0), again and again since issuers change them. Keys that were found once are good until others are found.
 */
export function fetchKeySets(
  sink: ChangeSink,
  options: {
    world(): World;
    /** Told after every change of the World. */
    readonly worldChanges: Signal;
    /** See DiscoveryOptions. */
    fetchText(url: string, timeout: number): Promise<string>;
    /** Milliseconds. */
    readonly refresh: number;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly log: Logger;
  },
): void {
  const wanted = () => keysToFetch(options.world().rules.requestAuthentications);
  const fetched = async (name: string): Promise<string> => {
    const timeout = wanted().get(name) ?? 0;
    const from = readKeySource(name);
    if ("keys" in from) return options.fetchText(from.keys, timeout);
    const about = `${from.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const { jwks_uri: address } = jsonObject(await options.fetchText(about, timeout), about);
    if (typeof address !== "string") throw new Error(`${about} names no jwks_uri`);
    return options.fetchText(address, timeout);
  };
  keepLookedUp<string>({
    wanted: () => wanted().keys(),
    changes: options.worldChanges,
    async look(name) {
      const keys = asKeySet(await fetched(name));
      if (keys === undefined) throw new Error("the answer is no JSON Web Key Set");
      return keys;
    },
    put(name, keys) {
      const before = sink.objects.keySets;
      if (before.get(name) === keys) return;
      const after = new Map(before);
      if (keys === undefined) after.delete(name);
      else after.set(name, keys);
      sink.objects.keySets = after;
      sink.changes().rules = true;
      sink.schedule();
    },
    failed: (name, reason) =>
      options.log.warn({ keys: name, reason: String(reason) }, "no keys for tokens; none is good meanwhile"),
    refresh: options.refresh,
    mostRetry,
    clock: options.clock,
    signal: options.signal,
  });
}

function jsonObject(text: string, from: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = JSON.parse(text);
  if (!isJsonObject(parsed)) throw new Error(`${from} answers no JSON object`);
  return parsed;
}
