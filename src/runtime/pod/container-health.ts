import { type Clock, createRetry } from "../../base/index.ts";
import type { Container } from "../../kube/index.ts";
import type { RunningContainer } from "../contracts.ts";
import { type ProbeTarget, runProbe } from "../probe/probe.ts";
import { type ProbeKind, runProbeLoop } from "../probe/probe-loop.ts";

/** What the probes of one run of a container say. */
export interface ContainerHealth {
  /** The startup probe, if any, has succeeded. */
  readonly isStarted: boolean;
  readonly isReady: boolean;
  /** No more startup and liveness probing, since the container is to end; readiness goes on. */
  endLiveness(): void;
  /** Ends all probing: the run is over. */
  end(): void;
}

/** Starts the probes of a container that has just begun to run. */
export function startHealth(options: {
  readonly container: Container;
  readonly running: RunningContainer;
  readonly target: ProbeTarget;
  readonly userAgent: string;
  readonly clock: Clock;
  /** `isStarted` or `isReady` may have changed. */
  changed(): void;
  /** An attempt failed; `message` is what the probe saw. */
  unhealthy(kind: ProbeKind, message: string): void;
  /** The container has to be restarted. */
  failed(kind: "startup" | "liveness"): void;
}): ContainerHealth {
  const { container, running, target, userAgent, clock, changed } = options;
  const { startupProbe, readinessProbe, livenessProbe } = container;
  const living = new AbortController();
  const all = new AbortController();
  let isStarted = startupProbe === undefined;
  let passesReadiness = readinessProbe === undefined;

  const loop = (kind: ProbeKind, onVerdict: (isSuccess: boolean) => void, signal: AbortSignal) => {
    const probe = { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe }[kind];
    if (probe === undefined) return;
    const run = () => runProbe(probe, target, userAgent);
    const onFailure = (message: string) => options.unhealthy(kind, message);
    void runProbeLoop({ kind, probe, run, onVerdict, onFailure, changes: running.changes, clock }, signal);
  };
  const start = () => {
    const readiness = (isSuccess: boolean) => {
      if (passesReadiness === isSuccess) return;
      passesReadiness = isSuccess;
      changed();
    };
    loop("readiness", readiness, all.signal);
    loop("liveness", (isSuccess) => isSuccess || options.failed("liveness"), living.signal);
  };
  const startup = (isSuccess: boolean) => {
    if (!isSuccess) return options.failed("startup");
    isStarted = true;
    changed();
    start();
  };
  if (isStarted) start();
  else loop("startup", startup, living.signal);
  followReadiness(running, changed, clock, all.signal);

  return {
    get isStarted() {
      return isStarted;
    },
    get isReady() {
      return isStarted && passesReadiness && running.isReady?.() !== false;
    },
    endLiveness: () => living.abort(),
    end() {
      living.abort();
      all.abort();
    },
  };
}

/** Tells when the program's own word on its readiness changes, if it has one. */
function followReadiness(
  { isReady, changes }: RunningContainer,
  changed: () => void,
  clock: Clock,
  signal: AbortSignal,
): void {
  if (isReady === undefined) return;
  let before = isReady();
  const look = () => {
    const now = isReady();
    if (now !== before) changed();
    before = now;
  };
  if (changes !== undefined) {
    changes.subscribe(look, signal);
    return;
  }
  const retry = createRetry(clock, { first: 10, most: 1000 });
  const poll = async () => {
    while (!signal.aborted) {
      await retry.wait(signal);
      look();
    }
  };
  void poll();
}
