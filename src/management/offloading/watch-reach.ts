import { type Clock, createSignal, pause, type Signal } from "../../base/index.ts";
import type { KubeClient } from "../../kube/index.ts";

/** Whether a cluster answers, asked again and again. */
export interface Reach {
  /** False also before it first answered: `isAway` tells the one from the other. */
  readonly isReachable: boolean;
  /** It has not answered for some seconds. */
  readonly isAway: boolean;
  /** Told when `isReachable` or `isAway` changes. */
  readonly changes: Signal;
}

/** How often it is asked, in milliseconds. */
const interval = 1000;
/** How long one answer may take. */
const patience = 3000;
/** Without an answer for this long it is away: more than a start of its API server or a busy machine takes. */
const awayAfter = 5000;

/** Asks the cluster's API server for its version until `signal` aborts. */
export function watchReach(client: KubeClient, clock: Clock, signal: AbortSignal): Reach {
  const changes = createSignal();
  const startedAt = clock.now();
  let lastSeen: number | undefined;
  let state: "unknown" | "reachable" | "away" = "unknown";
  const become = (next: typeof state) => {
    if (next === state) return;
    state = next;
    changes.notify();
  };
  const ask = async () => {
    const timeout = new AbortController();
    const cancel = clock.after(patience, () => timeout.abort(new Error("no answer")));
    try {
      const request = { method: "GET", path: "/version", query: new URLSearchParams(), headers: {} } as const;
      const { status } = await client.transport.send(request, AbortSignal.any([signal, timeout.signal]));
      if (status >= 500) throw new Error(`it answers ${status}`);
      lastSeen = clock.now();
      become("reachable");
    } catch {
      if (clock.now() - (lastSeen ?? startedAt) >= awayAfter) become("away");
    } finally {
      cancel();
    }
  };
  const run = async () => {
    while (!signal.aborted) {
      await ask();
      await pause(clock, interval, signal);
    }
  };
  void run();
  return {
    get isReachable() {
      return state === "reachable";
    },
    get isAway() {
      return state === "away";
    },
    changes,
  };
}
