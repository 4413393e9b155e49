import { type Clock, pause, type Signal } from "../../base/index.ts";
import type { Probe } from "../../kube/index.ts";
import type { ProbeResult } from "./probe.ts";

export type ProbeKind = "startup" | "readiness" | "liveness";

export interface ProbeLoopOptions {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  run(): Promise<ProbeResult>;
  /** The verdict changed to success, or failed `failureThreshold` times: then at every further such failure too. */
  onVerdict(isSuccess: boolean): void;
  /** One failed attempt that counts. */
  onFailure(message: string): void;
  /** Before the first success, a change is a reason to ask at once. */
  readonly changes: Signal | undefined;
  readonly clock: Clock;
}

/**
 * First waiting time before the first success, in milliseconds. It grows until it meets the period, so that a
 * program is seen to be ready at most about a quarter later than it was.
 */
const firstWait = 50;
const growth = 1.25;

/**
 * Probes until `signal` aborts. Startup and readiness are asked at once and again in quick succession until the
 * first success, so that a program is known to be ready when it is; attempts between the times that
 * initialDelaySeconds and periodSeconds set don't count when they fail. Liveness keeps to those times.
 */
export async function runProbeLoop(options: ProbeLoopOptions, signal: AbortSignal): Promise<void> {
  const { kind, probe, clock } = options;
  const period = Math.max(1, probe.periodSeconds ?? 10) * 1000;
  const successThreshold = Math.max(1, probe.successThreshold ?? 1);
  const failureThreshold = Math.max(1, probe.failureThreshold ?? 3);
  let nextCounted = clock.now() + (probe.initialDelaySeconds ?? 0) * 1000;
  let wait = kind === "liveness" ? period : firstWait;
  let successes = 0;
  let failures = 0;
  let hasSucceeded = false;
  if (kind === "liveness") await pause(clock, nextCounted - clock.now(), signal);
  while (!signal.aborted) {
    const counts = clock.now() >= nextCounted;
    if (counts) nextCounted = clock.now() + period;
    const result = await options.run();
    if (signal.aborted) return;
    if (result.ok) {
      failures = 0;
      successes++;
      if (successes === successThreshold) {
        hasSucceeded = true;
        options.onVerdict(true);
        if (kind === "startup") return;
      }
    } else if (counts) {
      successes = 0;
      failures++;
      options.onFailure(result.message);
      if (failures >= failureThreshold) options.onVerdict(false);
    }
    const untilCounted = Math.max(0, nextCounted - clock.now());
    if (hasSucceeded || kind === "liveness") await pause(clock, untilCounted, signal);
    else await pauseOrChange(clock, Math.min(wait, untilCounted), signal, options.changes);
    wait = Math.min(period, wait * growth);
  }
}

async function pauseOrChange(
  clock: Clock,
  delay: number,
  signal: AbortSignal,
  changes: Signal | undefined,
): Promise<void> {
  const over = new AbortController();
  changes?.subscribe(() => over.abort(), over.signal);
  await pause(clock, delay, AbortSignal.any([signal, over.signal]));
  over.abort();
}
