import { lookup } from "node:dns/promises";
import type { Clock } from "../base/index.ts";

/** Asks the machine's own resolver for IPv4 addresses. Never rejects: what can't be resolved has none. */
export type HostResolver = (name: string) => Promise<readonly string[]>;

const mostCached = 1000;
const mostWaiting = 256;
/** Lookups run on Node's four worker threads, which files need too. */
const mostAtOnce = 2;
const foundFor = 30_000;
const missingFor = 5_000;
/** A machine without a network may take very long to say so. */
const patience = 5_000;

/** A resolver that remembers answers for a short time and never has more than a few questions open. */
export function createHostResolver(clock: Clock, ask: HostResolver = askSystem): HostResolver {
  const cache = new Map<string, { readonly addresses: Promise<readonly string[]>; until: number }>();
  const waiting: (() => void)[] = [];
  let running = 0;
  const slot = async () => {
    if (running < mostAtOnce) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  const query = async (name: string) => {
    await slot();
    try {
      return await Promise.race([ask(name), nothingAfter(clock, patience)]);
    } catch {
      return [];
    } finally {
      leave();
    }
  };
  return (name) => {
    const known = cache.get(name);
    if (known !== undefined && known.until > clock.now()) return known.addresses;
    if (waiting.length >= mostWaiting) return Promise.resolve([]);
    const entry = { addresses: query(name), until: Number.POSITIVE_INFINITY };
    cache.delete(name);
    cache.set(name, entry);
    const [oldest] = cache.keys();
    if (cache.size > mostCached && oldest !== undefined) cache.delete(oldest);
    void entry.addresses.then((addresses) => {
      entry.until = clock.now() + (addresses.length > 0 ? foundFor : missingFor);
    });
    return entry.addresses;
  };
}

async function askSystem(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, family: 4 });
  return found.map(({ address }) => address);
}

function nothingAfter(clock: Clock, delay: number): Promise<readonly string[]> {
  return new Promise((resolve) => clock.after(delay, () => resolve([])));
}
