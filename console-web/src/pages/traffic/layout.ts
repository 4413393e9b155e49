import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import Elk from "elkjs/lib/elk-api.js";
import { type DrawnCluster, type DrawnNode, edgeId, type GraphModel } from "./graph-model.ts";
import { arrange, type Point, routeBundles, type Sized } from "./place-clusters.ts";

/** Where everything of the graph is drawn. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly clusters: readonly PlacedCluster[];
  readonly bundles: readonly {
    readonly id: string;
    readonly points: readonly Point[];
    readonly label: Point;
  }[];
}

export interface PlacedCluster extends Sized {
  readonly x: number;
  readonly y: number;
  readonly boxes: readonly PlacedBox[];
  /** By id. */
  readonly nodes: ReadonlyMap<string, Point>;
  /** By id of the edge; of those that leave or arrive the part within this cluster. */
  readonly edges: ReadonlyMap<string, PlacedEdge>;
}

export interface PlacedBox {
  readonly kind: "namespace" | "app";
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge {
  readonly points: readonly Point[];
  readonly label?: Point;
}

const options: Readonly<Record<string, string>> = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.spacing.nodeNode": "22",
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "14",
  "elk.spacing.edgeLabel": "4",
  "elk.layered.spacing.nodeNodeBetweenLayers": "30",
  "elk.layered.spacing.edgeNodeBetweenLayers": "14",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
};

/** Under this name browsers' tools show how long layouts took. */
const layoutMeasure = "layout of the graph";

let engine: InstanceType<typeof Elk> | undefined;

/** Has ELK's worker loaded while the first graph is still on its way. */
export function loadLayout(): void {
  elk();
}

/** ELK in its worker. */
function elk(): InstanceType<typeof Elk> {
  engine ??= new Elk({ workerFactory: () => new Worker(LAYOUT_WORKER) });
  return engine;
}

/**
 * Lays out each cluster by itself, then the clusters, then what runs between them: through a cluster's right edge out
 * and through its gateway, on its left edge, in. `labelOf` gives the room that its words need.
 */
export async function layoutGraph(
  model: GraphModel,
  wanted: {
    readonly namespaces: boolean;
    readonly clusters: boolean;
    /** Width by height of the place to fill. */
    readonly aspect: number;
    /** The size of an edge's label; undefined without one. */
    labelOf(edge: string): { readonly width: number; readonly height: number } | undefined;
  },
): Promise<Layout> {
  const start = performance.now();
  const laid = await Promise.all(
    model.clusters.map(async (cluster) =>
      placed(cluster, await elk().layout(clusterGraph(cluster, wanted)), wanted),
    ),
  );
  const { width, height, places } = arrange(laid, wanted.aspect);
  const clusters = laid.map((one, i): PlacedCluster => ({ ...one, ...(places[i] ?? { x: 0, y: 0 }) }));
  const bundles = routeBundles(model.bundles, clusters);
  performance.measure(layoutMeasure, { start });
  return { width, height, clusters, bundles };
}

function clusterGraph(
  cluster: DrawnCluster,
  { namespaces, clusters, labelOf }: Parameters<typeof layoutGraph>[1],
): ElkNode {
  const nodeOf = ({ node, width, height }: DrawnNode): ElkNode => ({ id: node.id, width, height });
  const children = cluster.namespaces.flatMap(({ name, apps }): ElkNode[] => {
    const inside = apps.flatMap(({ name: app, nodes }): ElkNode[] =>
      nodes.length < 2
        ? nodes.map(nodeOf)
        : [
            {
              id: `app ${name} ${app}`,
              children: nodes.map(nodeOf),
              layoutOptions: { "elk.padding": "[top=26,left=10,bottom=10,right=10]" },
            },
          ],
    );
    const isBox = namespaces && name !== "unknown";
    return isBox
      ? [
          {
            id: `namespace ${name}`,
            children: inside,
            layoutOptions: { "elk.padding": "[top=32,left=16,bottom=16,right=16]" },
          },
        ]
      : inside;
  });
  const edge = (id: string, from: string, to: string, size: ReturnType<typeof labelOf>): ElkExtendedEdge => ({
    id,
    sources: [from],
    targets: [to],
    ...(size === undefined
      ? {}
      : {
          labels: [
            { id: `${id} label`, text: id, ...size, layoutOptions: { "elk.edgeLabels.inline": "true" } },
          ],
        }),
  });
  const edges = [
    ...cluster.edges.map((one) => edge(edgeId(one), one.from, one.to, labelOf(edgeId(one)))),
    ...cluster.leaving.map((one) => edge(edgeId(one), one.from, "exit", labelOf(edgeId(one)))),
    ...cluster.arriving.map((one) => edge(edgeId(one), "entry", one.to, undefined)),
  ];
  const gates: ElkNode[] = [
    ...(cluster.arriving.length === 0
      ? []
      : [
          {
            id: "entry",
            width: 1,
            height: 1,
            layoutOptions: { "elk.layered.layering.layerConstraint": "FIRST" },
          },
        ]),
    ...(cluster.leaving.length === 0
      ? []
      : [
          {
            id: "exit",
            width: 1,
            height: 1,
            layoutOptions: { "elk.layered.layering.layerConstraint": "LAST" },
          },
        ]),
  ];
  const padding = clusters ? "[top=46,left=20,bottom=20,right=20]" : "[top=10,left=20,bottom=10,right=20]";
  return {
    id: "root",
    children: [...children, ...gates],
    edges,
    layoutOptions: { ...options, "elk.padding": padding },
  };
}

function placed(
  cluster: DrawnCluster,
  graph: ElkNode,
  { clusters }: { readonly clusters: boolean },
): Omit<PlacedCluster, "x" | "y"> {
  const boxes: PlacedBox[] = [];
  const nodes = new Map<string, Point>();
  const gates = new Map<string, Point>();
  const visit = (one: ElkNode) => {
    const { id, x = 0, y = 0, width = 0, height = 0, children = [] } = one;
    if (id === "entry" || id === "exit") gates.set(id, { x, y });
    else if (children.length > 0) {
      const [kind = "", name = "", app] = id.split(" ");
      boxes.push({ kind: kind as PlacedBox["kind"], name: app ?? name, x, y, width, height });
    } else nodes.set(id, { x, y });
    for (const child of children) visit(child);
  };
  for (const child of graph.children ?? []) visit(child);
  // The title needs room even over a narrow cluster.
  const width = Math.max(graph.width ?? 0, clusters && cluster.isMesh ? 180 : 0);
  const edges = new Map(
    (graph.edges ?? []).map((one): [string, PlacedEdge] => {
      const section = one.sections?.[0];
      const points =
        section === undefined ? [] : [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
      const toEdge = one.targets[0] === "exit" ? [{ x: width, y: points.at(-1)?.y ?? 0 }] : [];
      const fromEdge = one.sources[0] === "entry" ? [{ x: 0, y: points[0]?.y ?? 0 }] : [];
      const [label] = one.labels ?? [];
      return [
        one.id,
        {
          points: [...fromEdge, ...points, ...toEdge],
          ...(label?.x === undefined || label.y === undefined
            ? {}
            : { label: { x: label.x + (label.width ?? 0) / 2, y: label.y + (label.height ?? 0) / 2 } }),
        },
      ];
    }),
  );
  const [entry, exit] = [gates.get("entry"), gates.get("exit")];
  return {
    name: cluster.name,
    width,
    height: graph.height ?? 0,
    ...(entry === undefined ? {} : { entry: entry.y }),
    ...(exit === undefined ? {} : { exit: exit.y }),
    boxes,
    nodes,
    edges,
  };
}
