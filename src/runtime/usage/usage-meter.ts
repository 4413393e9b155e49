import { type Clock, pause } from "../../base/index.ts";
import type { ContainerUsage, PodName, PodUsage, RunningContainer } from "../contracts.ts";
import { type GroupUse, readProcessGroups } from "./process-groups.ts";

/** A container that runs now. */
export interface MeteredContainer {
  readonly pod: PodName;
  readonly name: string;
  readonly running: RunningContainer;
  /** Process groups of the programs that `kubectl exec` runs in it. */
  readonly execs: ReadonlySet<number>;
}

/** What the containers of some nodes use, looked at when somebody asks and at no other time. */
export interface UsageMeter {
  /**
   * The processor time over a window that has just ended, and the memory now, of every pod with a running container.
   * Who asks again and again gets the time since about ten seconds before; the first answer takes half a second.
   */
  read(): Promise<readonly PodUsage[]>;
  stop(): void;
}

interface Sample {
  readonly at: number;
  /** Milliseconds since the container started. */
  readonly cpuTime: number;
}

/** What is known of one container from earlier looks. */
interface Memory {
  readonly history: Sample[];
  /** Processor time of the groups that ran at the last look, and of those that have ended since the first. */
  groups: ReadonlyMap<number, number>;
  ended: number;
}

/** The window that is aimed at, and how short one may be, in milliseconds. */
const usualWindow = 10_000;
const shortestWindow = 400;
const firstWindow = 500;
/** Older samples say nothing about now. */
const oldestSample = 60_000;
const closestSamples = 1000;

/**
 * Counts of the containers that live in this process, by cluster: its memory is one, and none of them knows its part.
 */
const residents = new Set<() => number>();

export function createUsageMeter(
  containers: () => readonly MeteredContainer[],
  clock: Clock,
  readGroups: typeof readProcessGroups = readProcessGroups,
): UsageMeter {
  const memories = new WeakMap<RunningContainer, Memory>();
  let reading: Promise<readonly PodUsage[]> | undefined;
  const countResidents = () => containers().filter(({ running }) => !hasProcesses(running)).length;
  residents.add(countResidents);

  /** Every container with what it has used until now. */
  const look = async () => {
    const metered = containers();
    const groups = await readGroups(new Set(metered.flatMap(processGroups)));
    const share = memoryShare();
    const at = clock.now();
    return metered.map((container) => {
      const known = memories.get(container.running) ?? { history: [], groups: new Map(), ended: 0 };
      memories.set(container.running, known);
      const use = useOf(container, groups, known, share);
      const base = baseOf(known.history, at);
      remember(known.history, { at, cpuTime: use.cpuTime });
      return { ...container, at, base, ...use };
    });
  };
  const measure = async (): Promise<readonly PodUsage[]> => {
    let seen = await look();
    if (seen.some(({ base }) => base === undefined)) {
      await pause(clock, firstWindow);
      seen = await look();
    }
    const pods = new Map<string, { readonly usage: PodUsage; readonly containers: ContainerUsage[] }>();
    for (const { pod, name, at, base, cpuTime, memory } of seen) {
      if (base === undefined) continue; // Started a moment ago.
      const id = `${pod.namespace}/${pod.name}`;
      const window = at - base.at;
      const known = pods.get(id) ?? newPod(pod, at, window);
      pods.set(id, known);
      known.containers.push({
        name,
        cpu: Math.max(0, cpuTime - base.cpuTime) / window,
        cpuSeconds: cpuTime / 1000,
        memory,
      });
    }
    return [...pods.values()].map(({ usage }) => usage);
  };
  return {
    read() {
      reading ??= measure().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    stop() {
      residents.delete(countResidents);
    },
  };
}

function newPod(pod: PodName, timestamp: number, window: number) {
  const containers: ContainerUsage[] = [];
  return { usage: { pod, timestamp, window, containers }, containers };
}

/** The newest sample that is a usual window old, else the oldest there is, if that is not too young. */
function baseOf(history: readonly Sample[], now: number): Sample | undefined {
  const oldEnough = history.filter(({ at }) => now - at >= usualWindow && now - at <= oldestSample);
  const base = oldEnough.at(-1) ?? history.find(({ at }) => now - at <= oldestSample);
  return base !== undefined && now - base.at >= shortestWindow ? base : undefined;
}

function remember(history: Sample[], sample: Sample): void {
  const last = history.at(-1);
  // Samples close together would only make the history long.
  if (last !== undefined && sample.at - last.at < closestSamples && history.length > 1) return;
  history.push(sample);
  while (sample.at - (history[0]?.at ?? sample.at) > oldestSample) history.shift();
}

function hasProcesses({ use }: RunningContainer): boolean {
  return use?.processGroups !== undefined;
}

function processGroups({ running, execs }: MeteredContainer): readonly number[] {
  return [...(running.use?.processGroups?.() ?? []), ...execs];
}

function useOf(
  container: MeteredContainer,
  groups: ReadonlyMap<number, GroupUse>,
  known: Memory,
  share: number,
): GroupUse {
  const { running } = container;
  const current = new Map<number, number>();
  let memory = hasProcesses(running) ? 0 : share;
  for (const group of processGroups(container)) {
    const use = groups.get(group);
    if (use === undefined) continue;
    current.set(group, use.cpuTime);
    memory += use.memory;
  }
  // What has ended has used what it had used when it was last seen.
  for (const [group, cpuTime] of known.groups) if (!current.has(group)) known.ended += cpuTime;
  known.groups = current;
  const processes = [...current.values()].reduce((sum, cpuTime) => sum + cpuTime, known.ended);
  return { cpuTime: (running.use?.cpuTime?.() ?? 0) + processes, memory };
}

/** The bytes of this process that fall to one of the containers in it. */
function memoryShare(): number {
  const count = [...residents].reduce((sum, residentsOf) => sum + residentsOf(), 0);
  return count === 0 ? 0 : Math.round(process.memoryUsage.rss() / count);
}
