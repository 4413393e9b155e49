import type { Bundle } from "./graph-model.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A cluster's box, laid out but not yet placed. */
export interface Sized {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Where on the left edge requests arrive, from the top; absent when none do. */
  readonly entry?: number;
  /** Where on the right edge they leave. */
  readonly exit?: number;
}

/** Room between boxes: for the ways between clusters, their labels and the addresses of gateways. */
export const gap = { column: 96, row: 76, side: 56 };
const trackWidth = 10;

/** Boxes in columns, as many as fill a place of that aspect best. They keep their order, down each column. */
export function arrange(
  boxes: readonly Sized[],
  aspect: number,
): { readonly width: number; readonly height: number; readonly places: readonly Point[] } {
  let best: { width: number; height: number; places: Point[]; scale: number } | undefined;
  for (let columns = 1; columns <= Math.max(1, boxes.length); columns++) {
    const perColumn = Math.ceil(boxes.length / columns);
    const places: Point[] = [];
    let [x, height] = [gap.side, 0];
    for (let column = 0; column < columns; column++) {
      const members = boxes.slice(column * perColumn, (column + 1) * perColumn);
      if (members.length === 0) continue;
      let y = gap.row / 2;
      for (const box of members) {
        places.push({ x, y });
        y += box.height + gap.row;
      }
      x += Math.max(...members.map(({ width }) => width)) + gap.column;
      height = Math.max(height, y - gap.row / 2);
    }
    const width = x - gap.column + gap.side;
    const scale = 1 / Math.max(width, height * aspect);
    if (best === undefined || scale > best.scale) best = { width, height, places, scale };
  }
  return best ?? { width: 0, height: 0, places: [] };
}

type Placed = Sized & Point;

/** Half the width of a gateway's port on the edge of its box: where the tip of a way ends. */
const portReach = 10;

/**
 * The ways between clusters: out of the right edge, down or up beside the column, along the gap next to the goal's box,
 * and into its left edge. Ways that share a gap run beside each other.
 */
export function routeBundles(
  bundles: readonly Bundle[],
  clusters: readonly Placed[],
): readonly { readonly id: string; readonly points: readonly Point[]; readonly label: Point }[] {
  const byName = new Map(clusters.map((one) => [one.name, one]));
  const ways = bundles.flatMap(({ id, from: source, to: target }) => {
    const [from, to] = [byName.get(source), byName.get(target)];
    if (from === undefined || to === undefined) return [];
    const start = { x: from.x + from.width, y: from.y + (from.exit ?? from.height / 2) };
    const end = { x: to.x - (to.entry === undefined ? 0 : portReach), y: to.y + (to.entry ?? to.height / 2) };
    const isNextColumn = to.x > start.x && to.x - start.x <= gap.column + columnSlack(from, clusters);
    const isBelow = to.y > from.y;
    return [
      {
        id,
        start,
        end,
        isNextColumn,
        corridor: isBelow ? to.y - gap.row / 2 : to.y + to.height + gap.row / 2,
        column: { out: `out ${from.x}`, into: `in ${to.x}` },
      },
    ];
  });
  // Each gap is shared out among those that use it.
  const lanes = new Map<string, string[]>();
  const take = (lane: string, id: string) => lanes.set(lane, [...(lanes.get(lane) ?? []), id]);
  for (const { id, column, corridor, isNextColumn } of ways) {
    take(column.out, id);
    if (isNextColumn) continue;
    take(column.into, id);
    take(`row ${corridor}`, id);
  }
  const offset = (lane: string, id: string, room: number): number => {
    const users = lanes.get(lane) ?? [];
    const width = Math.min(trackWidth, room / Math.max(1, users.length));
    return (users.indexOf(id) - (users.length - 1) / 2) * width;
  };
  return ways.map(({ id, start, end, isNextColumn, corridor, column }) => {
    const out = start.x + gap.side / 2 + offset(column.out, id, gap.side - 12);
    if (isNextColumn) {
      const points = [start, { x: out, y: start.y }, { x: out, y: end.y }, end];
      return { id, points, label: { x: out, y: (start.y + end.y) / 2 } };
    }
    const into = end.x - gap.side / 2 + offset(column.into, id, gap.side - 12);
    const y = corridor + offset(`row ${corridor}`, id, gap.row - 32);
    const points = [start, { x: out, y: start.y }, { x: out, y }, { x: into, y }, { x: into, y: end.y }, end];
    // Labels of ways beside each other stand apart.
    return {
      id,
      points,
      label: { x: (out + into) / 2 + offset(`row ${corridor}`, id, gap.row - 32) * 9, y },
    };
  });
}

/** How much narrower a box is than the widest of its column. */
function columnSlack(box: Placed, clusters: readonly Placed[]): number {
  const column = clusters.filter(({ x }) => x === box.x);
  return Math.max(...column.map(({ width }) => width)) - box.width;
}

/** A way with round corners. */
export function roundedPath(points: readonly Point[], radius = 8): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${n(first.x)} ${n(first.y)}`;
  for (const [i, point] of rest.entries()) {
    const before = points[i] ?? point;
    const after = rest[i + 1];
    if (after === undefined) {
      path += `L${n(point.x)} ${n(point.y)}`;
      continue;
    }
    const r = Math.min(radius, distance(before, point) / 2, distance(point, after) / 2);
    const a = towards(point, before, r);
    const b = towards(point, after, r);
    path += `L${n(a.x)} ${n(a.y)}Q${n(point.x)} ${n(point.y)} ${n(b.x)} ${n(b.y)}`;
  }
  return path;
}

function n(value: number): string {
  return value.toFixed(1);
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function towards(from: Point, to: Point, by: number): Point {
  const length = distance(from, to);
  if (length === 0) return from;
  return { x: from.x + ((to.x - from.x) / length) * by, y: from.y + ((to.y - from.y) / length) * by };
}
