import type { Socket } from "node:net";
import { createRetry, pause } from "../../base/index.ts";
import { type Container, isApiError, kinds, kubeTime, type Pod } from "../../kube/index.ts";
import type { NodeSpec, PodAttachment, ProgramContext } from "../contracts.ts";
import { orAborted } from "../timing.ts";
import { type ContainerRun, createContainerRun, lastStateOf } from "./container-run.ts";
import type { EventRecorder } from "./events.ts";
import { createPodPlace, type NodeServices, type PodPlace } from "./pod-place.ts";
import { type ContainerFacts, type PodFacts, podStatus } from "./pod-status.ts";
import { createStatusWriter } from "./status-writer.ts";

/** One pod on one of our nodes, from its binding to the removal of its object. */
export interface PodWorker {
  readonly uid: string | undefined;
  readonly pod: Pod;
  /** Resolves when the API has what is true of the pod now, instead of what an engine before this one last said. */
  readonly reported: Promise<void>;
  /** The object changed: images, readiness gates, or it is to end. */
  update(pod: Pod): void;
  /** The object is gone: nothing more is written, and what runs ends at once. */
  removed(): Promise<void>;
  container(name: string): ContainerRun | undefined;
  readonly containers: readonly ContainerRun[];
  programs(run: ContainerRun): ProgramContext | undefined;
  /** A connection that is opening, to a port of the pod, past the sidecar; undefined without a network. */
  dial(port: number): Socket | undefined;
  /** Ends what runs and leaves the object as it is, for the engine's own end. */
  shutdown(graceSeconds: number): Promise<void>;
}

export interface PodWorkerOptions {
  readonly pod: Pod;
  readonly node: NodeSpec;
  readonly services: NodeServices;
  readonly events: EventRecorder;
}

/** How long a pod with a proxy goes on serving after its deletion: several times what an endpoint's way to all proxies takes. */
const usualLeaveTime = 1000;
/** Milliseconds at a time: each such pause ends late on a busy machine, as the endpoints' way is late there. */
const leaveStep = 20;

/** What a pod without an object is given to end: as little as a kubelet gives. */
const orphanGraceSeconds = 1;

export function startPodWorker({ pod: first, node, services, events }: PodWorkerOptions): PodWorker {
  const { client, clock, log, kubernetesVersion } = services.options;
  const { name, namespace = "default", uid } = first.metadata;
  const policy = first.spec.restartPolicy ?? "Always";
  const defaultGraceSeconds = first.spec.terminationGracePeriodSeconds ?? 30;
  const startTime = first.status?.startTime ?? kubeTime(clock.now());
  /** The pod is to end: no new containers, no waiting. */
  const ending = new AbortController();
  /** The pod is to end sooner than was said at first. */
  const hurried = new AbortController();
  /** Nobody listens any more: no status, no deletion. */
  const silent = new AbortController();
  const retry = createRetry(clock, { first: 50, most: 5000 });
  let latest = first;
  let attachment: PodAttachment | undefined;
  let place: PodPlace | undefined;
  let failure: PodFacts["failure"];
  let isKilled = false;
  let ended: Promise<void> | undefined;
  let finalized: Promise<void> | undefined;

  const currentPod = (): Pod => {
    const address = attachment?.network.address;
    const addresses = address === undefined ? {} : { podIP: address, podIPs: [{ ip: address }] };
    const status = { ...latest.status, hostIP: node.address, hostIPs: [{ ip: node.address }], ...addresses };
    return { ...latest, status };
  };
  const placed = (): PodPlace => {
    if (place === undefined) throw new Error("a container was started before its pod had a place");
    return place;
  };
  const sidecarNames = new Set(
    first.spec.initContainers
      ?.filter(({ restartPolicy }) => restartPolicy === "Always")
      .map((container) => container.name),
  );
  const initRuns = (first.spec.initContainers ?? []).map((container) =>
    createRun(container, sidecarNames.has(container.name) ? "sidecar" : "init"),
  );
  const appRuns = first.spec.containers.map((container) => createRun(container, "app"));
  const runs = [...initRuns, ...appRuns];
  // Ephemeral containers are never started again, not even by the next engine.
  const formerEphemeral = (first.status?.ephemeralContainerStatuses ?? []).map((status): ContainerFacts => {
    const state = lastStateOf(status, clock);
    return { role: "ephemeral", status: state === undefined ? status : { ...status, state } };
  });
  let isMounted = false;
  const sidecarRuns = initRuns.filter((run) => sidecarNames.has(run.name));

  const proxyNames = new Set(
    first.spec.containers
      .filter((container) => services.standInFor(container)?.onPodAddress === true)
      .map((container) => container.name),
  );
  const isProxy = (run: ContainerRun) => proxyNames.has(run.name);

  const writer = createStatusWriter({
    client,
    pod: first,
    compute(previous) {
      const podIP = attachment?.network.address;
      const facts: PodFacts = {
        containers: [...runs.map((run) => run.facts), ...formerEphemeral],
        hostIP: node.address,
        startTime,
        isKilled,
        ...(podIP === undefined ? {} : { podIP }),
        ...(failure === undefined ? {} : { failure }),
      };
      return podStatus(latest, facts, previous, clock.now());
    },
    signal: silent.signal,
    clock,
    log,
  });

  const attach = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        const given = await services.options.attachPod(first);
        attachment = given;
        place = createPodPlace({ pod: currentPod, node, network: given.network, services });
        return;
      } catch (reason) {
        events.record(
          latest,
          "Warning",
          "FailedCreatePodSandBox",
          `Failed to create pod sandbox: ${messageOf(reason)}`,
        );
        await retry.wait(ending.signal);
      }
    }
  };
  const exposePorts = async ({ appPorts }: PodPlace) => {
    const expose = (port: number) =>
      attachment?.network.exposeAppPort(port).catch((reason: unknown) => {
        log.warn(
          { pod: `${namespace}/${name}`, port, reason: messageOf(reason) },
          "port of the pod can't be reached",
        );
      });
    await Promise.all(appPorts.map(expose));
  };
  const mountVolumes = async ({ missingVolume, objects }: PodPlace) => {
    while (!ending.signal.aborted) {
      const problem = await orAborted(missingVolume(), ending.signal, undefined).catch(
        async (reason: unknown) => {
          log.debug(
            { pod: `${namespace}/${name}`, reason: messageOf(reason) },
            "volumes not read, trying again",
          );
          await retry.wait(ending.signal);
          return "unknown" as const;
        },
      );
      if (problem === "unknown") continue;
      if (problem === undefined) return;
      const { volume, missing } = problem;
      events.record(
        latest,
        "Warning",
        "FailedMount",
        `MountVolume.SetUp failed for volume "${volume}" : ${missing.message}`,
      );
      if (missing.reference === undefined) await pause(clock, 2 ** 31 - 1, ending.signal);
      else await objects.changed(missing.reference, ending.signal);
    }
  };
  /** Runs the init containers in order; false when the pod can't go on. */
  const initialize = async (): Promise<boolean> => {
    for (const run of initRuns) {
      if (ending.signal.aborted) return false;
      run.start();
      if (sidecarRuns.includes(run)) await Promise.all([run.launched, run.up]);
      else if ((await run.finished) !== 0) return false;
    }
    return !ending.signal.aborted;
  };
  const reported = writer.flush();
  const live = async () => {
    await attach();
    if (place === undefined) return;
    writer.schedule();
    await Promise.all([exposePorts(place), mountVolumes(place)]);
    isMounted = true;
    startEphemeral(latest);
    if (!(await initialize())) return;
    for (const run of appRuns) {
      run.start();
      // Kubelets start the next container when this one's hook is through: how proxies are held before apps.
      const [spec] = first.spec.containers.filter((container) => container.name === run.name);
      if (spec?.lifecycle?.postStart !== undefined) await orAborted(run.launched, ending.signal, undefined);
    }
    await Promise.all(appRuns.map((run) => run.finished));
  };
  /**
   * Apps first, then proxies that are ordinary containers, then native sidecars in reverse, each with what is
   * left of the grace: so apps can use the network to their last.
   */
  const stopContainers = async (graceSeconds: number) => {
    const deadline = clock.now() + graceSeconds * 1000;
    const left = () => Math.max(graceSeconds > 0 ? 1 : 0, (deadline - clock.now()) / 1000);
    const others = runs.filter((run) => !sidecarRuns.includes(run));
    await Promise.all(others.filter((run) => !isProxy(run)).map((run) => run.stop(graceSeconds)));
    await Promise.all(others.filter(isProxy).map((run) => run.stop(left())));
    for (const run of [...sidecarRuns].reverse()) await run.stop(left());
  };
  const release = async () => {
    const given = attachment;
    if (given === undefined) return;
    await given.release().catch((reason: unknown) => {
      log.warn(
        { pod: `${namespace}/${name}`, reason: messageOf(reason) },
        "pod's network not released cleanly",
      );
    });
  };

  const lived = live()
    .catch((reason: unknown) => {
      failure = { reason: "Error", message: messageOf(reason) };
      log.error({ pod: `${namespace}/${name}`, reason: messageOf(reason) }, "pod given up");
    })
    .then(() => end(defaultGraceSeconds));
  const deadline = deadlineOf(first);
  const cancelDeadline =
    deadline === undefined
      ? () => {}
      : clock.after(Math.max(0, Date.parse(startTime) + deadline * 1000 - clock.now()), () => {
          const message = "Pod was active on the node longer than the specified deadline";
          failure = { reason: "DeadlineExceeded", message };
          events.record(latest, "Normal", "DeadlineExceeded", message);
          void end(defaultGraceSeconds);
        });

  /** Ends all containers and gives the pod's address back; the first call decides the grace. */
  function end(graceSeconds: number): Promise<void> {
    ended ??= (async () => {
      ending.abort();
      cancelDeadline();
      await stopContainers(graceSeconds);
      if (latest.metadata.deletionTimestamp !== undefined) isKilled = true;
      writer.schedule();
      await release();
    })();
    return ended;
  }
  /**
   * Nothing ends before everybody has heard that the pod is going: its endpoints leave Services and proxies elsewhere,
   * its own proxy sends clients away. A kubelet wins that time by being slow, and by hooks of the user's.
   */
  const leave = async () => {
    if (ended !== undefined || (latest.metadata.deletionGracePeriodSeconds ?? defaultGraceSeconds) <= 0)
      return;
    const drains = runs.flatMap(({ running }) => (running?.drain === undefined ? [] : [running]));
    if (drains.length === 0) return;
    for (const running of drains) running.drain?.();
    const time = Math.max(...drains.map((running) => running.leaveTime ?? usualLeaveTime));
    const isOver = AbortSignal.any([ending.signal, hurried.signal]);
    for (let left = time; left > 0 && !isOver.aborted; left -= leaveStep)
      await pause(clock, leaveStep, isOver);
  };
  const remove = async () => {
    await leave();
    await end(latest.metadata.deletionGracePeriodSeconds ?? defaultGraceSeconds);
    isKilled = true;
    await writer.flush();
    while (!silent.signal.aborted) {
      try {
        const preconditions = uid === undefined ? {} : { preconditions: { uid } };
        await client.delete(kinds.pods, name, { namespace, gracePeriodSeconds: 0, ...preconditions });
        break;
      } catch (reason) {
        if (isApiError(reason, 409)) break; // Another pod has the name by now.
        await retry.wait(silent.signal);
      }
    }
    await place?.clear();
  };
  const update = (pod: Pod) => {
    const before = latest;
    latest = pod;
    for (const spec of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
      runs.find((run) => run.name === spec.name)?.update(spec);
    }
    if (isMounted) startEphemeral(pod);
    const grace = pod.metadata.deletionGracePeriodSeconds;
    if (pod.metadata.deletionTimestamp !== undefined) {
      const isShorter =
        grace !== undefined && grace < (before.metadata.deletionGracePeriodSeconds ?? Infinity);
      if (isShorter && grace <= 1) hurried.abort();
      if (finalized !== undefined && isShorter) for (const run of runs) void run.stop(grace);
      finalized ??= remove();
    }
    if (before.status?.conditions !== pod.status?.conditions && pod.spec.readinessGates !== undefined)
      writer.schedule();
  };
  if (first.metadata.deletionTimestamp !== undefined) update(first);

  return {
    uid,
    get pod() {
      return latest;
    },
    reported,
    update,
    async removed() {
      silent.abort();
      const wasEnding = ended !== undefined;
      const done = end(orphanGraceSeconds);
      if (wasEnding) for (const run of runs) void run.stop(orphanGraceSeconds);
      await done;
      await lived;
      await place?.clear();
    },
    container: (wanted) => runs.find((run) => run.name === wanted),
    containers: runs,
    programs(run) {
      const { containers, initContainers = [], ephemeralContainers = [] } = latest.spec;
      const spec = [...containers, ...initContainers, ...ephemeralContainers].find(
        (container) => container.name === run.name,
      );
      return spec === undefined || run.env === undefined ? undefined : place?.programs(spec, run.env);
    },
    dial(port) {
      if (attachment === undefined || ending.signal.aborted) return undefined;
      const { network } = attachment;
      return network.dial({ address: network.address, port });
    },
    async shutdown(graceSeconds) {
      silent.abort();
      const wasEnding = ended !== undefined;
      const done = end(graceSeconds);
      if (wasEnding) for (const run of runs) void run.stop(graceSeconds);
      await done;
      await place?.clear();
    },
  };

  /** Starts the containers that were added to the running pod, each once. */
  function startEphemeral(pod: Pod): void {
    for (const container of pod.spec.ephemeralContainers ?? []) {
      const isKnown =
        runs.some((run) => run.name === container.name) ||
        formerEphemeral.some(({ status }) => status.name === container.name);
      if (isKnown || ending.signal.aborted) continue;
      const run = createRun(container, "ephemeral");
      runs.push(run);
      run.start();
      writer.schedule();
    }
  }

  function createRun(container: Container, role: ContainerFacts["role"]): ContainerRun {
    const list =
      role === "app" ? "containers" : role === "ephemeral" ? "ephemeralContainers" : "initContainers";
    const known = {
      containers: first.status?.containerStatuses,
      initContainers: first.status?.initContainerStatuses,
      ephemeralContainers: undefined,
    }[list];
    const firstReason =
      role !== "ephemeral" && (first.spec.initContainers ?? []).length > 0
        ? "PodInitializing"
        : "ContainerCreating";
    const run: ContainerRun = createContainerRun(
      container,
      {
        role,
        restartPolicy: policy,
        podLabel: `${name}_${namespace}(${uid ?? ""})`,
        defaultGraceSeconds,
        userAgent: `kube-probe/${kubernetesVersion.split(".").slice(0, 2).join(".")}`,
        previous: known?.find((status) => status.name === container.name),
        standInFor: services.standInFor,
        environment: (spec) => placed().environment(spec),
        referenceChanged: (reference, signal) => placed().objects.changed(reference, signal),
        context: (spec, env, ownLog) => placed().context(spec, env, ownLog),
        probeTarget: (spec) => placed().probeTarget(spec, () => run.env ?? {}),
        event: (type, reason, message) =>
          events.record(latest, type, reason, message, { name: container.name, list }),
        changed: () => writer.schedule(),
        clock,
        log: log.child({ pod: `${namespace}/${name}` }),
      },
      firstReason,
    );
    return run;
  }
}

function deadlineOf(pod: Pod): number | undefined {
  const seconds = pod.spec["activeDeadlineSeconds"];
  return typeof seconds === "number" ? seconds : undefined;
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
