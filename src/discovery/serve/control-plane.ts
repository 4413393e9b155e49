import type { Clock, Logger, Signal } from "../../base/index.ts";
import { GrpcError, grpcStatus } from "../../xds/index.ts";
import { createChanges, isUnchanged, type WorldChanges, type WorldObjects } from "../translate/objects.ts";
import type { ProxyNode } from "../translate/proxy-node.ts";
import { makeSnapshot, type ProxySnapshot, updateEndpoints } from "../translate/snapshot.ts";
import { createWorld, updateWorld, type World } from "../translate/world.ts";
import type { AdsStream } from "./ads-stream.ts";
import type { PilotMetrics } from "./pilot-metrics.ts";
import type { ChangeSink } from "./sources.ts";

/** The World of the moment and the streams that are told of it. */
export interface ControlPlane {
  readonly sink: ChangeSink;
  readonly world: World;
  /** The newest snapshot for a proxy; the last good one when making it fails. Throws GrpcError when there is none. */
  snapshotFor(proxy: ProxyNode): ProxySnapshot;
  add(stream: AdsStream): void;
  remove(stream: AdsStream): void;
  readonly streams: ReadonlySet<AdsStream>;
  /** Problems with rules that had to be left out, newest last. */
  readonly problems: readonly string[];
  /** Takes in what has changed so far, now. */
  flush(): void;
}

/** Changes that are this close together are taken in at once. */
const debounceMs = 1;
/**
 * Rules and services cost more and come in bursts, as when a file of them is applied: from the second of a burst on
 * they are taken in after this long a silence, and no later than `longestBurstMs`. A change by itself does not wait.
 */
const burstSilenceMs = 10;
const longestBurstMs = 100;
/** How long proxies are served in one go before others get their turn. */
const sliceMs = 5;
const mostProblems = 100;

interface Due {
  /** Everything is looked at again, not only the assignments of `hosts`. */
  readonly isFull: boolean;
  readonly hosts: ReadonlySet<string>;
}

/** Starts with whatever `objects` holds. Changes come through `sink`; `options.changes` is told after each. */
export function createControlPlane(
  objects: WorldObjects,
  options: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly changes: Signal;
    readonly signal: AbortSignal;
    readonly metrics?: PilotMetrics;
  },
): ControlPlane {
  const { log, clock, signal, metrics } = options;
  const streams = new Set<AdsStream>();
  const problems: string[] = [];
  const lastGood = new Map<string, ProxySnapshot>();
  let pending: WorldChanges = createChanges();
  let cancelFlush: (() => void) | undefined;
  /** When rules changed last, and since when they have been changing without a flush. */
  let rulesAt = Number.NEGATIVE_INFINITY;
  let burstAt = Number.NEGATIVE_INFINITY;
  const report = (problem: string) => {
    if (problems.at(-1) === problem) return;
    problems.push(problem);
    if (problems.length > mostProblems) problems.shift();
    log.warn({ problem }, "part of the configuration was left out");
  };
  let world = createWorld(objects, report);

  const snapshotFor = (proxy: ProxyNode): ProxySnapshot => {
    try {
      const made = makeSnapshot(world, proxy, report);
      lastGood.set(proxy.id, made);
      return made;
    } catch (reason) {
      report(
        `configuration for ${proxy.id} can't be made: ${reason instanceof Error ? reason.message : String(reason)}`,
      );
      const before = lastGood.get(proxy.id);
      if (before === undefined) throw new GrpcError(grpcStatus.internal, "configuration could not be made");
      return before;
    }
  };

  const publish = (stream: AdsStream, next: () => ProxySnapshot) => {
    try {
      stream.publish(next());
    } catch (reason) {
      log.error({ proxy: stream.proxy?.id, reason: String(reason) }, "a proxy was not updated");
    }
  };

  /** What each stream has not been told yet. A newer World only adds to it, so nothing piles up. */
  const due = new Map<AdsStream, Due>();
  let isRunning = false;
  /** When the first change came that is not taken in yet, and the first that proxies have not been told of. */
  let changedAt: number | undefined;
  let behindSince: number | undefined;
  const run = () => {
    isRunning = due.size > 0 && !signal.aborted;
    if (!isRunning) {
      if (behindSince !== undefined) metrics?.converged(performance.now() - behindSince);
      behindSince = undefined;
      return;
    }
    const until = performance.now() + sliceMs;
    for (const [stream, what] of due) {
      due.delete(stream);
      const { proxy, snapshot } = stream;
      if (proxy !== undefined && streams.has(stream)) {
        publish(stream, () =>
          what.isFull || snapshot === undefined
            ? snapshotFor(proxy)
            : (updateEndpoints(world, snapshot, what.hosts) ?? snapshotFor(proxy)),
        );
      }
      if (performance.now() > until) break;
    }
    setImmediate(run);
  };

  const flush = () => {
    cancelFlush?.();
    cancelFlush = undefined;
    burstAt = performance.now();
    if (isUnchanged(pending) || signal.aborted) return;
    const changes = pending;
    pending = createChanges();
    behindSince ??= changedAt;
    changedAt = undefined;
    const rulesBefore = world.rules;
    try {
      world = updateWorld(world, changes, report);
    } catch (reason) {
      // Proxies keep what they have; the next change tries again with all that is there.
      report(
        `the changes could not be taken in: ${reason instanceof Error ? reason.message : String(reason)}`,
      );
      pending.rules = true;
      pending.allEndpoints = true;
      return;
    }
    const isFull = world.rules !== rulesBefore || changes.allEndpoints;
    metrics?.triggered(isFull ? "config" : "endpoint");
    for (const stream of streams) {
      const { proxy } = stream;
      const before = due.get(stream);
      const isOwn =
        changes.pods.size > 0 &&
        proxy !== undefined &&
        changes.pods.has(`${proxy.clusterId}/${proxy.namespace}/${proxy.name}`);
      const hosts =
        before === undefined || before.hosts.size === 0
          ? changes.hosts
          : new Set([...before.hosts, ...changes.hosts]);
      due.set(stream, { isFull: isFull || isOwn || before?.isFull === true, hosts });
    }
    if (!isRunning) run();
    options.changes.notify();
  };

  const schedule = () => {
    changedAt ??= performance.now();
    if (!pending.rules && !pending.allEndpoints) {
      cancelFlush ??= clock.after(debounceMs, flush);
      return;
    }
    const now = performance.now();
    const isBurst = now - rulesAt < burstSilenceMs;
    rulesAt = now;
    if (!isBurst) burstAt = now;
    const delay = isBurst ? Math.min(burstSilenceMs, burstAt + longestBurstMs - now) : debounceMs;
    cancelFlush?.();
    cancelFlush = clock.after(Math.max(delay, debounceMs), flush);
  };
  const sink: ChangeSink = {
    objects,
    changes: () => pending,
    schedule,
    ...(metrics === undefined ? {} : { noticed: metrics.changed }),
  };

  return {
    sink,
    get world() {
      return world;
    },
    snapshotFor,
    add(stream) {
      streams.add(stream);
      options.changes.notify();
    },
    remove(stream) {
      streams.delete(stream);
      due.delete(stream);
      const id = stream.proxy?.id;
      if (id !== undefined && ![...streams].some((other) => other.proxy?.id === id)) lastGood.delete(id);
      options.changes.notify();
    },
    streams,
    problems,
    flush,
  };
}
