import { randomBytes } from "node:crypto";
import { type Clock, IsthmusError, type Logger, pause } from "../../base/index.ts";
import { type Container, type ContainerState, type ContainerStatus, kubeTime } from "../../kube/index.ts";
import type { ContainerContext, RunningContainer, StandIn } from "../contracts.ts";
import type { ProbeTarget } from "../probe/probe.ts";
import { createDeferred, orAborted } from "../timing.ts";
import { createBackOff, goDuration } from "./back-off.ts";
import { type ContainerHealth, startHealth } from "./container-health.ts";
import { type ContainerLog, createContainerLog } from "./container-log.ts";
import type { EventType } from "./events.ts";
import { runHook } from "./hooks.ts";
import { MissingReference, type ObjectReference } from "./pod-objects.ts";
import type { ContainerFacts } from "./pod-status.ts";

/** What a container needs of its pod and node. */
export interface ContainerHost {
  readonly role: ContainerFacts["role"];
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  /** "NAME_NAMESPACE(UID)", as messages name the pod. */
  readonly podLabel: string;
  readonly defaultGraceSeconds: number;
  readonly userAgent: string;
  /** Its status before the engine was started anew. */
  readonly previous: ContainerStatus | undefined;
  standInFor(container: Container): StandIn | undefined;
  /** Throws MissingReference. */
  environment(container: Container): Promise<Readonly<Record<string, string>>>;
  /** Resolves when what a MissingReference names may be there. */
  referenceChanged(reference: ObjectReference, signal: AbortSignal): Promise<void>;
  context(container: Container, env: Readonly<Record<string, string>>, log: ContainerLog): ContainerContext;
  probeTarget(container: Container): ProbeTarget;
  event(type: EventType, reason: string, message: string): void;
  /** The container's status may have changed. */
  changed(): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One container of a pod over all its runs. */
export interface ContainerRun {
  readonly name: string;
  readonly facts: ContainerFacts;
  readonly stage: "waiting" | "running" | "ended";
  /** Of the run that runs or ran last; undefined before the first. */
  readonly log: ContainerLog | undefined;
  readonly previousLog: ContainerLog | undefined;
  readonly running: RunningContainer | undefined;
  /** Process groups of the programs that `kubectl exec` runs in it; whoever runs one notes it here. */
  readonly execs: Set<number>;
  /** What programs in this container get; undefined before it first ran. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** Begins its life; later calls do nothing. */
  start(): void;
  /** Resolves once it has started for the first time (its post-start hook is through), or will not start any more. */
  readonly launched: Promise<void>;
  /** Resolves once its startup probe has succeeded for the first time, or it will not start any more. */
  readonly up: Promise<void>;
  /** Resolves with the last exit code when it has ended and is not started again. */
  readonly finished: Promise<number>;
  /** The pod's spec changed: another image ends this run and starts a new one. */
  update(container: Container): void;
  /** Ends it for good: hook before, then as RunningContainer.stop. A later call can only shorten the grace. */
  stop(graceSeconds: number): Promise<void>;
}

interface Launch {
  readonly container: Container;
  readonly standIn: StandIn;
  readonly env: Readonly<Record<string, string>>;
}

/** How much longer than its grace a stand-in may take to end before it counts as killed. */
const stopPatience = 2000;

/** An image without a stand-in is said as ErrImagePull first and then, as Kubernetes does, as a back-off. */
const pullPatience = 1000;

export function createContainerRun(first: Container, host: ContainerHost, firstReason: string): ContainerRun {
  const { clock, role } = host;
  const ending = new AbortController();
  const backOff = createBackOff(clock);
  const launched = createDeferred<void>();
  const up = createDeferred<void>();
  const finished = createDeferred<number>();
  let container = first;
  let updated = new AbortController();
  let state: ContainerState = { waiting: { reason: firstReason } };
  let lastState = lastStateOf(host.previous, clock);
  let restartCount =
    host.previous === undefined ? 0 : host.previous.restartCount + (lastState === undefined ? 0 : 1);
  let containerID: string | undefined;
  let log: ContainerLog | undefined;
  let previousLog: ContainerLog | undefined;
  let env: Readonly<Record<string, string>> | undefined;
  let running: RunningContainer | undefined;
  let health: ContainerHealth | undefined;
  let forceEnd = () => {};
  let hasBegun = false;
  let stopping: Promise<void> | undefined;

  const setState = (next: ContainerState) => {
    state = next;
    host.changed();
  };
  const setWaiting = (reason: string, message?: string) => {
    if (state.terminated !== undefined) lastState = state;
    setState({ waiting: { reason, ...(message === undefined ? {} : { message }) } });
  };
  /** Waits until the spec changes or the container is to end. */
  const forUpdate = () => pause(clock, 2 ** 31 - 1, AbortSignal.any([updated.signal, ending.signal]));

  const prepare = async (): Promise<Launch | undefined> => {
    while (!ending.signal.aborted) {
      updated = new AbortController();
      const wanted = container;
      const image = wanted.image ?? "";
      const standIn = host.standInFor(wanted);
      if (standIn === undefined) {
        await refuseImage(image);
        continue;
      }
      host.event("Normal", "Pulled", `Container image "${image}" already present on machine`);
      try {
        const resolved = await orAborted(host.environment(wanted), ending.signal, undefined);
        return resolved === undefined ? undefined : { container: wanted, standIn, env: resolved };
      } catch (reason) {
        const message = reason instanceof Error ? reason.message : String(reason);
        setWaiting("CreateContainerConfigError", message);
        host.event("Warning", "Failed", `Error: ${message}`);
        const anyChange = AbortSignal.any([updated.signal, ending.signal]);
        if (!(reason instanceof MissingReference)) await pause(clock, 1000, anyChange);
        else if (reason.reference === undefined) await forUpdate();
        else await host.referenceChanged(reason.reference, anyChange);
      }
    }
    return undefined;
  };
  const refuseImage = async (image: string) => {
    const why = `isthmus has no stand-in for image ${image}; map it to a command with images: in the mesh file`;
    const either = AbortSignal.any([updated.signal, ending.signal]);
    host.event("Normal", "Pulling", `Pulling image "${image}"`);
    host.event("Warning", "Failed", `Failed to pull image "${image}": ${why}`);
    host.event("Warning", "Failed", "Error: ErrImagePull");
    setWaiting("ErrImagePull", why);
    await pause(clock, pullPatience, either);
    if (either.aborted) return;
    host.event("Normal", "BackOff", `Back-off pulling image "${image}"`);
    host.event("Warning", "Failed", "Error: ImagePullBackOff");
    setWaiting("ImagePullBackOff", `Back-off pulling image "${image}": ErrImagePull: ${why}`);
    await forUpdate();
  };

  /** One run from start to end; resolves with its exit code, undefined when it was to end before it began. */
  const runOnce = async (launch: Launch): Promise<number | undefined> => {
    previousLog = log;
    const ownLog = createContainerLog(clock);
    log = ownLog;
    env = launch.env;
    containerID = `isthmus://${randomBytes(32).toString("hex")}`;
    host.event("Normal", "Created", `Created container: ${container.name}`);
    try {
      const starting = launch.standIn.start(host.context(launch.container, launch.env, ownLog));
      const begun = await orAborted(starting, ending.signal, undefined);
      // Whoever ended it in the very moment of its start has found nothing running.
      if (begun === undefined || ending.signal.aborted) {
        starting.then((late) => late.stop(0)).catch(() => {}); // Nobody waits for it any more.
        return undefined;
      }
      return await runToEnd(launch, begun);
    } catch (reason) {
      const { message } = IsthmusError.from(reason);
      host.event("Warning", "Failed", `Error: failed to start container "${container.name}": ${message}`);
      terminated({ exitCode: 128, reason: "StartError", message, startedAt: kubeTime(0) });
      return 128;
    } finally {
      ownLog.close();
    }
  };
  const terminated = (end: NonNullable<ContainerState["terminated"]>) => {
    const finishedAt = kubeTime(clock.now());
    setState({ terminated: { ...end, finishedAt, ...(containerID === undefined ? {} : { containerID }) } });
  };
  const runToEnd = async (launch: Launch, begun: RunningContainer): Promise<number> => {
    const startedAt = kubeTime(clock.now());
    const target = host.probeTarget(launch.container);
    running = begun;
    host.event("Normal", "Started", `Started container ${container.name}`);
    const own = startHealth({
      container: launch.container,
      running: begun,
      target,
      userAgent: host.userAgent,
      clock,
      changed() {
        if (own.isStarted) up.resolve();
        host.changed();
      },
      unhealthy(kind, message) {
        const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
        host.event("Warning", "Unhealthy", `${name} probe failed: ${message}`);
      },
      failed: (kind) => restart(begun, `Container ${container.name} failed ${kind} probe, will be restarted`),
    });
    health = own;
    setState({ running: { startedAt } });
    void postStart(launch.container, begun, target);
    if (own.isStarted) up.resolve();
    const forced = new Promise<{ exitCode: number; signal?: string }>((resolve) => {
      forceEnd = () => resolve({ exitCode: 137, signal: "SIGKILL" });
    });
    const { exitCode } = await Promise.race([begun.exited, forced]);
    own.end();
    running = undefined;
    health = undefined;
    terminated({ exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt });
    return exitCode;
  };
  const postStart = async ({ lifecycle }: Container, begun: RunningContainer, target: ProbeTarget) => {
    if (lifecycle?.postStart !== undefined) {
      const failure = await runHook(lifecycle.postStart, {
        target,
        running: begun,
        clock,
        signal: ending.signal,
      });
      if (failure !== undefined) {
        host.event("Warning", "FailedPostStartHook", `PostStartHook failed: ${failure}`);
        await restart(begun, `FailedPostStartHook`);
      }
    }
    launched.resolve();
  };
  const restart = async (begun: RunningContainer, message: string) => {
    if (running !== begun || ending.signal.aborted) return;
    health?.endLiveness();
    host.event("Normal", "Killing", message);
    await stopWithin(begun, host.defaultGraceSeconds);
  };
  const stopWithin = async (begun: RunningContainer, graceSeconds: number) => {
    const killed = createDeferred<void>();
    const force = forceEnd;
    const kill = () => {
      force();
      killed.resolve();
    };
    const cancel = clock.after(graceSeconds * 1000 + stopPatience, kill);
    const stopped = begun.stop(graceSeconds).catch((reason: unknown) => {
      host.log.warn({ container: container.name, reason: String(reason) }, "container did not stop cleanly");
      kill();
    });
    await Promise.race([stopped, killed.promise]);
    cancel();
  };
  const startsAgain = (exitCode: number) =>
    role !== "ephemeral" &&
    (role === "sidecar" ||
      (host.restartPolicy === "Always"
        ? role === "app" || exitCode !== 0
        : host.restartPolicy === "OnFailure" && exitCode !== 0));

  const waitBackOff = async (): Promise<void> => {
    const { wait, delay } = backOff.remaining(clock.now());
    if (wait > 0) {
      const message = `back-off ${goDuration(delay)} restarting failed container=${container.name} pod=${host.podLabel}`;
      host.event(
        "Warning",
        "BackOff",
        `Back-off restarting failed container ${container.name} in pod ${host.podLabel}`,
      );
      setWaiting("CrashLoopBackOff", message);
      await pause(clock, wait, AbortSignal.any([updated.signal, ending.signal]));
    }
    backOff.next();
  };
  const live = async () => {
    let exitCode = 0;
    for (let runs = 0; ; runs++) {
      const launch = await prepare();
      if (launch === undefined) break;
      if (runs > 0) {
        restartCount++;
        if (state.terminated !== undefined) lastState = state;
      }
      const code = await runOnce(launch);
      if (code === undefined) break;
      exitCode = code;
      const isReplaced = container.image !== launch.container.image;
      if (ending.signal.aborted || (!isReplaced && !startsAgain(code))) break;
      if (!isReplaced) await waitBackOff();
    }
    isOver(exitCode);
  };
  const isOver = (exitCode: number) => {
    launched.resolve();
    up.resolve();
    finished.resolve(exitCode);
    host.changed();
  };
  const stop = async (graceSeconds: number) => {
    const deadline = clock.now() + graceSeconds * 1000;
    ending.abort();
    const begun = running;
    if (begun !== undefined) {
      health?.endLiveness();
      host.event("Normal", "Killing", `Stopping container ${container.name}`);
      await preStop(begun, graceSeconds);
      await stopWithin(begun, Math.max(0, (deadline - clock.now()) / 1000));
    }
    if (!hasBegun) isOver(0);
    await finished.promise;
  };
  const preStop = async (begun: RunningContainer, graceSeconds: number) => {
    const hook = container.lifecycle?.preStop;
    if (hook === undefined || graceSeconds <= 0) return;
    const over = new AbortController();
    const cancel = clock.after(graceSeconds * 1000, () => over.abort());
    const options = { target: host.probeTarget(container), running: begun, clock, signal: over.signal };
    const failure = await Promise.race([runHook(hook, options), begun.exited.then(() => undefined)]);
    cancel();
    over.abort();
    if (failure !== undefined) host.event("Warning", "FailedPreStopHook", `PreStopHook failed: ${failure}`);
  };

  return {
    name: first.name,
    get facts() {
      return { role, status: status() };
    },
    get stage() {
      return running !== undefined
        ? "running"
        : log !== undefined && state.terminated !== undefined
          ? "ended"
          : "waiting";
    },
    get log() {
      return log;
    },
    get previousLog() {
      return previousLog;
    },
    get running() {
      return running;
    },
    get env() {
      return env;
    },
    execs: new Set(),
    start() {
      if (hasBegun || ending.signal.aborted) return;
      hasBegun = true;
      live().catch((reason: unknown) => {
        host.log.error({ container: container.name, reason: String(reason) }, "container given up");
        isOver(128);
      });
    },
    launched: launched.promise,
    up: up.promise,
    finished: finished.promise,
    update(next) {
      const before = container;
      container = next;
      if (before.image === next.image) return;
      updated.abort();
      if (running !== undefined)
        void restart(running, `Container ${next.name} definition changed, will be restarted`);
    },
    stop(graceSeconds) {
      if (stopping === undefined) stopping = stop(graceSeconds);
      else if (running !== undefined) void stopWithin(running, graceSeconds);
      return stopping;
    },
  };

  function status(): ContainerStatus {
    const isRunning = state.running !== undefined;
    return {
      name: first.name,
      state,
      lastState: lastState ?? {},
      ready:
        role === "init"
          ? state.terminated?.exitCode === 0
          : role !== "ephemeral" && isRunning && health?.isReady === true,
      restartCount,
      image: container.image ?? "",
      imageID: log === undefined ? "" : (container.image ?? ""),
      ...(containerID === undefined ? {} : { containerID }),
      started: isRunning && (health?.isStarted ?? false),
    };
  }
}

/** The last state of a container that ran when the engine ended: nobody saw its end. */
export function lastStateOf(previous: ContainerStatus | undefined, clock: Clock): ContainerState | undefined {
  const { running, terminated } = previous?.state ?? {};
  if (terminated !== undefined) return { terminated };
  if (running === undefined) {
    return previous?.lastState?.terminated === undefined ? undefined : previous.lastState;
  }
  return {
    terminated: {
      exitCode: 255,
      reason: "Unknown",
      startedAt: running.startedAt,
      finishedAt: kubeTime(clock.now()),
      ...(previous?.containerID === undefined ? {} : { containerID: previous.containerID }),
    },
  };
}
