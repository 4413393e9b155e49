import type { Scope } from "./scope.ts";
import type { World } from "./world.ts";

/** What a computation looked at: the value that it saw, and how to see it in another World and scope. */
interface Read {
  readonly value: unknown;
  again(world: World, scope: Scope): unknown;
}

/** A result with everything that it was made from. */
interface Remembered<T> {
  readonly value: T;
  readonly reads: ReadonlyMap<string, Read>;
}

/** Results by what they are of. Belongs to whatever they are made of in the first place, and is dropped with it. */
export type Memory<T> = Map<string, Remembered<T>>;

let reads: Map<string, Read> | undefined;

/**
 * Tells whoever is being remembered that `value` was looked at. `key` names the place, `again` finds what is there
 * now. Values are compared by identity, so that what stays equal should stay the same object.
 */
export function noteRead<T>(key: string, value: T, again: Read["again"]): T {
  reads?.set(key, { value, again });
  return value;
}

/**
 * The value that `make` gave the last time, as long as everything it looked at by way of `noteRead` is still the
 * same; else makes it anew, with the old one at hand. So a change costs what depends on it, and nobody has to keep
 * lists of dependencies. `make` must not look at anything else that changes, and not through caches that don't note.
 */
export function remember<T>(
  memory: Memory<T>,
  key: string,
  world: World,
  scope: Scope,
  make: (previous: T | undefined) => T,
): T {
  const known = memory.get(key);
  if (known !== undefined && isCurrent(known.reads, world, scope)) {
    for (const [place, read] of known.reads) reads?.set(place, read);
    return known.value;
  }
  const outer = reads;
  const own = new Map<string, Read>();
  reads = own;
  try {
    const value = make(known?.value);
    memory.set(key, { value, reads: own });
    return value;
  } finally {
    reads = outer;
    for (const [place, read] of own) outer?.set(place, read);
  }
}

/** Looks at things without anybody being told: for finding a value that is itself noted. */
export function unnoted<T>(look: () => T): T {
  const outer = reads;
  reads = undefined;
  try {
    return look();
  } finally {
    reads = outer;
  }
}

function isCurrent(known: ReadonlyMap<string, Read>, world: World, scope: Scope): boolean {
  return unnoted(() => {
    for (const { value, again } of known.values()) if (again(world, scope) !== value) return false;
    return true;
  });
}

/** The memory that belongs to `owner`, made empty when there is none. */
export function memoryOf<T>(memories: WeakMap<object, Memory<T>>, owner: object): Memory<T> {
  let memory = memories.get(owner);
  if (memory === undefined) {
    memory = new Map();
    memories.set(owner, memory);
  }
  return memory;
}

/**
 * `target`, with each of its properties noted when it is read, present or not; `find` gets the like of it from a World
 * and scope.
 */
export function noting<T extends object>(
  name: string,
  target: T,
  find: (world: World, scope: Scope) => T,
): T {
  return new Proxy(target, {
    get(of, property) {
      const value: unknown = Reflect.get(of, property);
      if (reads === undefined || typeof property !== "string") return value;
      return noteRead(`${name}.${property}`, value, (world, scope) =>
        Reflect.get(find(world, scope), property),
      );
    },
  });
}

/** `next` with those of `previous`'s values that are equal: what was made from them is still right. */
export function keepFields<T extends object>(previous: T | undefined, next: T): T {
  if (previous === undefined) return next;
  const kept: Partial<T> = { ...next };
  for (const field of Object.keys(next) as (keyof T)[]) {
    const [before, now] = [previous[field], next[field]];
    if (typeof now === "object" && JSON.stringify(before) === JSON.stringify(now)) kept[field] = before;
  }
  return kept as T;
}

/**
 * Values that were made from lists of inputs. One that has the same inputs as in `previous` is taken from there, so
 * that it stays the same object.
 */
export interface Derivations {
  derive<T>(name: string, inputs: Iterable<unknown>, make: () => T): T;
}

interface Derived {
  readonly inputs: readonly unknown[];
  readonly value: unknown;
}

export function createDerivations(previous?: Derivations): Derivations {
  const before = previous === undefined ? undefined : known.get(previous);
  const now = new Map<string, Derived>();
  const derivations: Derivations = {
    derive<T>(name: string, inputs: Iterable<unknown>, make: () => T): T {
      const list = [...inputs];
      const old = before?.get(name);
      const isSame =
        old !== undefined &&
        old.inputs.length === list.length &&
        list.every((input, i) => input === old.inputs[i]);
      const derived = isSame ? old : { inputs: list, value: make() };
      now.set(name, derived);
      return derived.value as T;
    },
  };
  known.set(derivations, now);
  return derivations;
}

const known = new WeakMap<Derivations, ReadonlyMap<string, Derived>>();
