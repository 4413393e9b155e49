import { createSignal, silentLogger } from "../../../base/index.ts";
import { createChanges } from "../../translate/objects.ts";
import { objectsOf, parseObjects, putObject } from "../../translate/test-support/make-world.ts";
import { createWorld, updateWorld } from "../../translate/world.ts";

const stops: AbortController[] = [];

/** Ends all that `startLookingUp` began. */
export function stopLookingUp(): void {
  for (const stop of stops.splice(0)) stop.abort();
}

/** Lets pending lookups end. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const fail = (problem: string) => {
  throw new Error(problem);
};

/** A control plane's world of these objects for what looks things up for it, with timers that run when they are told to. */
export function startLookingUp(yaml: string) {
  const objects = objectsOf(yaml);
  let world = createWorld(objects, fail);
  let changes = createChanges();
  const worldChanges = createSignal();
  const timers: { readonly delay: number; readonly action: () => void }[] = [];
  const stop = new AbortController();
  stops.push(stop);
  const settle = async () => {
    await turn();
    if (!changes.rules) return;
    const taken = changes;
    changes = createChanges();
    world = updateWorld(world, taken, fail);
    worldChanges.notify();
    await turn();
  };
  return {
    sink: { objects, changes: () => changes, schedule() {} },
    options: {
      world: () => world,
      worldChanges,
      clock: {
        now: () => 0,
        after(delay: number, action: () => void) {
          const timer = { delay, action };
          timers.push(timer);
          return () => void timers.splice(timers.indexOf(timer), 1);
        },
      },
      signal: stop.signal,
      log: silentLogger,
    },
    settle,
    put(more: string) {
      for (const object of parseObjects(more)) putObject(objects, object);
      changes.rules = true;
    },
    /** Runs the timers that wait, and gives their delays. */
    async wait() {
      const due = timers.splice(0);
      for (const { action } of due) action();
      await settle();
      return due.map(({ delay }) => delay);
    },
  };
}
