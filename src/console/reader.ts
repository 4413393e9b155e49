import type { Clock } from "../base/index.ts";
import type { Finding } from "../checks/index.ts";
import { isApiError, type Kind, type KubeObject } from "../kube/index.ts";
import type { GraphOptions, RangeValues, TrafficGraph, WorkloadSummary } from "../telemetry/index.ts";
import type { Proof } from "./api.ts";
import type { ConsoleSource, SourceState } from "./contracts.ts";
import { createLoads, type Loads } from "./loads.ts";

/** The objects of one kind in one cluster, or those of its last answer. */
export interface ReadObjects<T> {
  readonly items: readonly T[];
  /** Present while the cluster does not answer. */
  readonly away?: Away;
  /** Nobody asked for them before it went away: `items` is empty for want of knowledge. */
  readonly isUnread?: true;
}

export interface Away {
  /** When it answered last; absent when it never did. */
  readonly since?: number;
  readonly reason: string;
}

/** What pages are made of: the source, read at most once for all that ask at the same time, and what it said last. */
export interface Reader {
  readonly source: ConsoleSource;
  readonly clock: Clock;
  /** The requests that pages asked for. */
  readonly loads: Loads;
  state(): Promise<SourceState>;
  findings(): Promise<readonly Finding[]>;
  /** Never rejects: of a cluster that is away it gives what it last said. */
  list<T extends KubeObject>(cluster: string, kind: Kind<T>): Promise<ReadObjects<T>>;
  /** When the cluster's API answered last; undefined while it answers. */
  lastSeen(cluster: string): number | undefined;
  /** Undefined while nobody measures. */
  graph(options: GraphOptions): TrafficGraph | undefined;
  /** What every workload does, as `isthmus top` prints it. Undefined while nobody measures. */
  workloads(rangeSeconds: number): readonly WorkloadSummary[] | undefined;
  /** Values of a PromQL expression over the last `seconds`, `points` of them. Empty while nobody measures. */
  history(expression: string, seconds: number, points: number): readonly RangeValues[];
  /** When a finding of this id was first seen, noting it when it is now. */
  firstSeen(ids: readonly string[]): ReadonlyMap<string, number>;
  /** Of the last verification. */
  proof: Proof | undefined;
}

/** What was read is good for so long, in milliseconds: pages ask for the same at the same time. */
const freshState = 1000;
const freshObjects = 1000;
/** Findings cost the most: every object of every cluster is read. */
const freshFindings = 3000;
const freshGraph = 1000;
const mostGraphs = 32;

export function createReader(source: ConsoleSource, clock: Clock): Reader {
  const seen = new Map<string, number>();
  const away = new Set<string>();
  const kept = new Map<string, ReadObjects<KubeObject>>();
  const reading = new Map<
    string,
    { readonly at: number; readonly value: Promise<ReadObjects<KubeObject>> }
  >();
  const graphs = new Map<string, { readonly at: number; readonly value: TrafficGraph }>();
  let known = new Map<string, number>();

  let last: SourceState | undefined;
  const state = createFresh(freshState, clock, async () => {
    const now = await source.state();
    for (const { name, state } of now.clusters) {
      if (state === "stopped" || state === "failed") away.add(name);
      else {
        away.delete(name);
        seen.set(name, clock.now());
      }
    }
    last = withLastKnown(now, last, away);
    return last;
  });
  const findings = createFresh(freshFindings, clock, () => source.findings());

  const readList = async (cluster: string, kind: Kind): Promise<ReadObjects<KubeObject>> => {
    const id = `${cluster}\0${kind.group}/${kind.plural}`;
    try {
      const one = (await state()).clusters.find(({ name }) => name === cluster);
      const items = one === undefined ? [] : (await one.client.list(kind)).items;
      kept.set(id, { items });
      return { items };
    } catch (reason) {
      // It answers, but does not have such objects: its definition is not installed there.
      if (isApiError(reason, 404)) return { items: [] };
      const since = seen.get(cluster);
      const last = kept.get(id);
      return {
        items: last?.items ?? [],
        ...(last === undefined ? { isUnread: true } : {}),
        away: {
          reason: reason instanceof Error ? reason.message : String(reason),
          ...(since === undefined ? {} : { since }),
        },
      };
    }
  };

  return {
    source,
    clock,
    loads: createLoads(source, clock),
    state,
    findings,
    async list<T extends KubeObject>(cluster: string, kind: Kind<T>) {
      const id = `${cluster}\0${kind.group}/${kind.plural}`;
      const last = reading.get(id);
      const value =
        last !== undefined && clock.now() - last.at < freshObjects ? last.value : readList(cluster, kind);
      if (value !== last?.value) reading.set(id, { at: clock.now(), value });
      return (await value) as ReadObjects<T>;
    },
    lastSeen: (cluster) => (away.has(cluster) ? (seen.get(cluster) ?? 0) : undefined),
    graph(options) {
      const id = JSON.stringify(options);
      const last = graphs.get(id);
      if (last !== undefined && clock.now() - last.at < freshGraph) return last.value;
      const value = source.telemetry?.graph(options);
      if (value !== undefined) {
        if (graphs.size >= mostGraphs) graphs.clear();
        graphs.set(id, { at: clock.now(), value });
      }
      return value;
    },
    workloads: (rangeSeconds) => source.telemetry?.workloads({ rangeSeconds }),
    history(expression, seconds, points) {
      const step = Math.max(1000, Math.round((seconds * 1000) / points));
      // On whole steps: the same moments give the same values whenever they are asked for.
      const end = Math.floor(clock.now() / step) * step;
      return source.telemetry?.queryRange(expression, { start: end - step * (points - 1), end, step }) ?? [];
    },
    firstSeen(ids) {
      known = new Map(ids.map((id) => [id, known.get(id) ?? clock.now()]));
      return known;
    },
    proof: undefined,
  };
}

/** What a cluster that is away said last of its pods, gateways and proxies. */
function withLastKnown(
  now: SourceState,
  last: SourceState | undefined,
  away: ReadonlySet<string>,
): SourceState {
  if (last === undefined || away.size === 0) return now;
  const isAway = ({ cluster }: { readonly cluster: string }) => away.has(cluster);
  const pods = new Map(last.clusters.map((cluster) => [cluster.name, cluster.pods]));
  return {
    ...now,
    clusters: now.clusters.map((one) =>
      away.has(one.name) ? { ...one, pods: pods.get(one.name) ?? one.pods } : one,
    ),
    gateways: [...now.gateways.filter((one) => !isAway(one)), ...last.gateways.filter(isAway)],
    proxies: [...now.proxies.filter((one) => !isAway(one)), ...last.proxies.filter(isAway)],
  };
}

/** `read`, at most once every `time` milliseconds and once for all that wait for it. A failure is not kept. */
function createFresh<T>(time: number, clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | undefined;
  return () => {
    if (last !== undefined && clock.now() - last.at < time) return last.value;
    const value = read();
    const current = { at: clock.now(), value };
    last = current;
    value.catch(() => {
      if (last === current) last = undefined;
    });
    return value;
  };
}
