import type { MeshCluster, MeshLink } from "../../../../src/console/api.ts";
import { type Band, bandsOf } from "./bands.ts";

/** Where everything of the map stands, in pixels of its box. */
export interface MapLayout {
  readonly height: number;
  readonly bands: readonly (Box & Pick<Band, "title" | "note">)[];
  readonly cards: readonly (Box & { readonly cluster: string; readonly side: Side })[];
  /** East-west gateways, on the inner edge of their cluster's card. */
  readonly ports: readonly {
    readonly cluster: string;
    readonly side: Side;
    readonly x: number;
    readonly y: number;
  }[];
  readonly lanes: readonly Lane[];
  /** Remotes to the cluster whose control plane they follow. */
  readonly follows: readonly {
    readonly from: string;
    readonly to: string;
    readonly path: string;
    readonly x: number;
    readonly y: number;
  }[];
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Lane {
  readonly link: MeshLink;
  readonly path: string;
  /** Middle of its label; absent where there is no room for one. */
  readonly label?: { readonly x: number; readonly y: number };
}

type Side = "left" | "right";

export const cardHeight = 244;
export const labelSize = { width: 190, height: 40 };
const band = { padding: 16, head: 40, gap: 16 };
const gutter = { least: 252, most: 320 };
const cardGap = 14;
/** Where lanes leave and arrive on a card's inner edge. One gateway takes all that comes in. */
const offsets = {
  left: { out: 76, port: 148 },
  right: { out: 148, port: 76 },
  follow: 214,
} as const;

/** Most clusters that are drawn as cards with lanes between them; more are tiles and a matrix. */
export const mostOnMap = 6;

/** Cards in two columns, a gutter for what flows between them. Networks are bands; a single one spans both columns. */
export function layoutMap(
  width: number,
  clusters: readonly MeshCluster[],
  links: readonly MeshLink[],
): MapLayout {
  const middle = Math.max(gutter.least, Math.min(gutter.most, width * 0.26));
  const column = (width - middle) / 2;
  const all = bandsOf(clusters);
  const [first] = all;
  const cards: (Box & { cluster: string; side: Side })[] = [];
  const bands: (Box & Pick<Band, "title" | "note">)[] = [];
  const bottom = { left: 0, right: 0 };

  const place = (side: Side, cluster: MeshCluster, y: number) =>
    cards.push({
      cluster: cluster.name,
      side,
      x: side === "left" ? band.padding : width - column + band.padding,
      y,
      width: column - 2 * band.padding,
      height: cardHeight,
    });

  if (first !== undefined && all.length === 1) {
    const rows = { left: 0, right: 0 };
    for (const [i, cluster] of clusters.entries()) {
      const side: Side = i % 2 === 0 ? "left" : "right";
      place(side, cluster, band.head + rows[side] * (cardHeight + cardGap));
      rows[side]++;
    }
    const height = band.head + rows.left * (cardHeight + cardGap) - cardGap + band.padding;
    bands.push({ ...first, x: 0, y: 0, width, height });
    bottom.left = height;
  } else {
    for (const one of all) {
      const side: Side = bottom.left <= bottom.right ? "left" : "right";
      const top = bottom[side];
      const height = band.head + one.clusters.length * (cardHeight + cardGap) - cardGap + band.padding;
      for (const [i, cluster] of one.clusters.entries())
        place(side, cluster, top + band.head + i * (cardHeight + cardGap));
      bands.push({ ...one, x: side === "left" ? 0 : width - column, y: top, width: column, height });
      bottom[side] = top + height + band.gap;
    }
  }
  const height = Math.max(...bands.map((one) => one.y + one.height));
  const inner = (name: string) => {
    const card = cards.find(({ cluster }) => cluster === name);
    return card === undefined
      ? undefined
      : { ...card, edge: card.side === "left" ? card.x + card.width : card.x };
  };

  const ports = clusters.flatMap(({ name, gateways }) => {
    const card = inner(name);
    const has = gateways.some(({ kind, address }) => kind === "eastwest" && address !== undefined);
    if (card === undefined || !has) return [];
    return [{ cluster: name, side: card.side, x: card.edge, y: card.y + offsets[card.side].port }];
  });
  const between = links.filter(({ from, to }) => from !== to);
  const labels: { x: number; y: number }[] = [];
  const lanes = between.flatMap((link): Lane[] => {
    const [from, to] = [inner(link.from), inner(link.to)];
    if (from === undefined || to === undefined) return [];
    const start = { x: from.edge, y: from.y + offsets[from.side].out };
    const end = { x: to.edge, y: to.y + offsets[to.side].port };
    const { path, label } = lane(start, end, from.side, to.side, middle);
    const isFree = labels.every(
      (other) =>
        Math.abs(other.x - label.x) >= labelSize.width + 4 ||
        Math.abs(other.y - label.y) >= labelSize.height + 6,
    );
    if (isFree) labels.push(label);
    return [{ link, path, ...(isFree ? { label } : {}) }];
  });
  const follows = clusters.flatMap(({ name, primary, role }) => {
    const [from, to] = [inner(name), inner(primary)];
    if (name === primary || role !== "workload" || from === undefined || to === undefined) return [];
    const start = { x: from.edge, y: from.y + offsets.follow };
    const end = { x: to.edge, y: to.y + offsets.follow };
    const { path, label } = lane(start, end, from.side, to.side, middle);
    return [{ from: name, to: primary, path, ...label }];
  });
  return { height, bands, cards, ports, lanes, follows };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Across the gutter, or out into it and back. It ends a little before the edge, where the arrow is. */
function lane(start: Point, end: Point, from: Side, to: Side, middle: number) {
  const inward = (side: Side) => (side === "left" ? 1 : -1);
  const tip = { x: end.x + inward(to) * 14, y: end.y };
  if (from === to) {
    // Down and up take different ways, so that neither hides the other.
    const reach = start.x + inward(from) * middle * (start.y < tip.y ? 0.52 : 0.34);
    return {
      path: `M${start.x} ${start.y}C${reach} ${start.y} ${reach} ${tip.y} ${tip.x} ${tip.y}`,
      label: { x: start.x + (reach - start.x) * 0.75, y: (start.y + tip.y) / 2 },
    };
  }
  const half = (start.x + tip.x) / 2;
  return {
    path: `M${start.x} ${start.y}C${half} ${start.y} ${half} ${tip.y} ${tip.x} ${tip.y}`,
    label: { x: half, y: (start.y + tip.y) / 2 },
  };
}
