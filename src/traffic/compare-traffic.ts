import { applyChanges, type Effect } from "./apply-changes.ts";
import type { ClusterObjects } from "./cluster-objects.ts";
import { viewMesh } from "./mesh-view.ts";
import { type CellState, callerKey, cellKey, type TrafficCell, trafficMatrix } from "./traffic-matrix.ts";

/** A cell that changes, for all callers of a cluster that it changes alike for. */
export interface TrafficChange {
  readonly cluster: string;
  /** Names of workloads, sorted. */
  readonly callers: readonly string[];
  /** Whether the callers are gateways, so that those outside notice. */
  readonly isGateway: boolean;
  readonly service: string;
  /** Of the service; those that change alike are in one change. */
  readonly ports: readonly number[];
  readonly match: string;
  /** Absent: the callers knew no way to it. */
  readonly before?: CellState;
  /** Absent: they will know none. */
  readonly after?: CellState;
  /** What makes it more than another split. */
  readonly effects: readonly TrafficEffect[];
}

export type TrafficEffect = "loses mTLS" | "gains mTLS" | "loses access" | "gains access";

/** A cluster as it is, and what an apply would do to it. */
export interface PlannedObjects {
  readonly before: ClusterObjects;
  readonly effects: readonly Effect[];
}

/**
 * What callers in the mesh will notice of an apply, by the configuration that proxies have now and will have. Callers
 * that go with the change notice nothing; those that come with it show what they will find. The worst comes first.
 */
export function compareTraffic(clusters: readonly PlannedObjects[]): readonly TrafficChange[] {
  if (clusters.every(({ effects }) => effects.length === 0)) return [];
  const before = trafficMatrix(viewMesh(clusters.map((one) => one.before)));
  const after = trafficMatrix(viewMesh(clusters.map((one) => applyChanges(one.before, one.effects))));
  const grouped = new Map<string, { change: TrafficChange; callers: Set<string>; ports: Set<number> }>();
  for (const key of new Set([...before.cells.keys(), ...after.cells.keys()])) {
    const cell = after.cells.get(key) ?? before.cells.get(key);
    if (cell === undefined || !after.callers.has(callerKey(cell))) continue;
    const [old, now] = [stateIn(before.cells, cell), stateIn(after.cells, cell)];
    if (isSame(old, now)) continue;
    const { cluster, isGateway, service, match } = cell;
    const change: TrafficChange = {
      cluster,
      callers: [],
      isGateway,
      service,
      ports: [],
      match,
      ...(old === undefined ? {} : { before: old }),
      ...(now === undefined ? {} : { after: now }),
      effects: effectsOf(old, now),
    };
    const id = JSON.stringify(change);
    const group = grouped.get(id) ?? { change, callers: new Set<string>(), ports: new Set<number>() };
    group.callers.add(cell.caller);
    group.ports.add(cell.port);
    grouped.set(id, group);
  }
  return [...grouped.values()]
    .map(({ change, callers, ports }) => ({
      ...change,
      callers: [...callers].sort(),
      ports: [...ports].sort((a, b) => a - b),
    }))
    .sort(worstFirst);
}

/** Losses, gains, other splits, what is new; then by names. */
function worstFirst(a: TrafficChange, b: TrafficChange): number {
  const names = ({ service, match, cluster, callers }: TrafficChange) =>
    [service, match, cluster, ...callers].join("\n");
  return rankOf(a) - rankOf(b) || collator.compare(names(a), names(b));
}

/** "c2" before "c10". */
const collator = new Intl.Collator("en", { numeric: true });

function rankOf({ before, effects }: TrafficChange): number {
  if (before === undefined) return 3;
  if (effects.some((effect) => effect.startsWith("loses"))) return 0;
  return effects.length > 0 ? 1 : 2;
}

/** What becomes of such requests; where no rule picks them out, what becomes of all others. */
function stateIn(cells: ReadonlyMap<string, TrafficCell>, cell: TrafficCell): CellState | undefined {
  return (cells.get(cellKey(cell)) ?? cells.get(cellKey({ ...cell, match: "" })))?.state;
}

function isSame(a: CellState | undefined, b: CellState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}

const levels = { none: 0, some: 1, all: 2 } as const;

function effectsOf(before: CellState | undefined, after: CellState | undefined): readonly TrafficEffect[] {
  const change = (old: CellState["access"], now: CellState["access"]) => Math.sign(levels[now] - levels[old]);
  const access = change(before?.access ?? "none", after?.access ?? "none");
  // What is not reached, or was not, has no mTLS to lose or to gain.
  const reached =
    before !== undefined && after !== undefined && before.access !== "none" && after.access !== "none";
  const mtls = reached ? change(before.mtls, after.mtls) : 0;
  return [
    ...(access < 0 ? (["loses access"] as const) : access > 0 ? (["gains access"] as const) : []),
    ...(mtls < 0 ? (["loses mTLS"] as const) : mtls > 0 ? (["gains mTLS"] as const) : []),
  ];
}
