import type { Clock, Signal } from "../../base/index.ts";

interface LookUpOptions<T> {
  /** What has to be looked up at the moment. */
  wanted(): Iterable<string>;
  /** Told when `wanted` may give something else. */
  readonly changes: Signal;
  /** Undefined, or a rejection, when nothing is found now. */
  look(name: string): Promise<T | undefined>;
  /** Undefined when nobody wants it any more. What was found once stays until then, whatever becomes of later looks. */
  put(name: string, found: T | undefined): void;
  /** The first of several looks in a row that found nothing, with the reason when there was one. */
  failed(name: string, reason: unknown): void;
  /** Milliseconds until what was found is looked up again. */
  readonly refresh: number;
  /** Most milliseconds between looks that find nothing; the first wait is 1 s, and doubles. */
  readonly mostRetry: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const firstRetry = 1000;

interface Lookup {
  failures: number;
  cancel: () => void;
}

/** Looks up what is wanted, again and again for as long as it is. */
export function keepLookedUp<T>(options: LookUpOptions<T>): void {
  const { clock, signal } = options;
  const lookups = new Map<string, Lookup>();

  const look = async (name: string, lookup: Lookup) => {
    let [found, reason]: [T | undefined, unknown] = [undefined, undefined];
    try {
      found = await options.look(name);
    } catch (caught) {
      reason = caught;
    }
    if (signal.aborted || lookups.get(name) !== lookup) return;
    if (found !== undefined) {
      lookup.failures = 0;
      options.put(name, found);
    } else if (lookup.failures++ === 0) {
      options.failed(name, reason);
    }
    const wait =
      lookup.failures === 0
        ? options.refresh
        : Math.min(options.mostRetry, firstRetry * 2 ** (lookup.failures - 1));
    lookup.cancel = clock.after(wait, () => void look(name, lookup));
  };
  const follow = () => {
    const wanted = new Set(options.wanted());
    for (const [name, lookup] of lookups) {
      if (wanted.has(name)) continue;
      lookup.cancel();
      lookups.delete(name);
      options.put(name, undefined);
    }
    for (const name of wanted) {
      if (lookups.has(name)) continue;
      const lookup: Lookup = { failures: 0, cancel: () => {} };
      lookups.set(name, lookup);
      void look(name, lookup);
    }
  };
  options.changes.subscribe(follow, signal);
  signal.addEventListener(
    "abort",
    () => {
      for (const { cancel } of lookups.values()) cancel();
    },
    { once: true },
  );
  follow();
}
