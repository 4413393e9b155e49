import type { KeyboardEvent } from "react";
import type { TrafficEdge } from "../../../../src/console/api.ts";
import { Icon } from "../../icons.tsx";
import type { ClusterLook } from "../../parts/cluster-mark.tsx";
import type { Display } from "./display.ts";
import { bundleText, edgeLook, edgeText, labelSize } from "./edge-text.ts";
import { type Bundle, type DrawnNode, edgeId, type GraphModel, sumEdges } from "./graph-model.ts";
import type { Layout, PlacedCluster, PlacedEdge } from "./layout.ts";
import { type Point, roundedPath } from "./place-clusters.ts";

/** What is chosen or pointed at: a node, an edge, a bundle, or nothing. */
export interface Choice {
  readonly kind: "node" | "edge" | "bundle";
  readonly id: string;
}

export interface DrawingProps {
  readonly model: GraphModel;
  readonly layout: Layout;
  readonly display: Display;
  readonly looks: ReadonlyMap<string, ClusterLook>;
  readonly networkOf: (cluster: string) => string | undefined;
  readonly gatewayOf: (cluster: string) => string | undefined;
  readonly awayClusters: ReadonlySet<string>;
  readonly chosen: Choice | undefined;
  readonly pointed: Choice | undefined;
  readonly found: ReadonlySet<string>;
  readonly labelled: ReadonlySet<string>;
  onChoose(choice: Choice | undefined): void;
  onPoint(choice: Choice | undefined): void;
}

/** The graph in the coordinates of its layout: boxes, ways between clusters, edges, nodes, labels. */
export function Drawing(props: DrawingProps) {
  const { model, layout, display } = props;
  const near = nearTo(props);
  const width = edgeWidths(model);
  return (
    <>
      {display.shows.has("clusters") ? <Bands {...props} /> : null}
      {layout.clusters.map((cluster) => (
        <ClusterBox key={cluster.name} {...props} cluster={cluster} />
      ))}
      {layout.bundles.map((placed) => {
        const bundle = model.bundles.find(({ id }) => id === placed.id);
        return bundle === undefined ? null : (
          <BundleLine
            key={placed.id}
            {...props}
            bundle={bundle}
            points={placed.points}
            label={placed.label}
            near={near}
          />
        );
      })}
      {layout.clusters.map((cluster) => (
        <g key={cluster.name} transform={`translate(${cluster.x} ${cluster.y})`}>
          {edgesOf(model, cluster).map((edge) => {
            const placed = cluster.edges.get(edgeId(edge));
            return placed === undefined ? null : (
              <EdgeLine
                key={edgeId(edge)}
                {...props}
                cluster={cluster}
                edge={edge}
                placed={placed}
                near={near}
                width={width(edge)}
              />
            );
          })}
          {[...cluster.nodes].map(([id, at]) => {
            const drawn = model.byId.get(id);
            return drawn === undefined ? null : (
              <NodeCard key={id} {...props} drawn={drawn} at={at} near={near} />
            );
          })}
          {edgesOf(model, cluster).map((edge) => (
            <EdgeLabel
              key={edgeId(edge)}
              {...props}
              edge={edge}
              placed={cluster.edges.get(edgeId(edge))}
              near={near}
            />
          ))}
        </g>
      ))}
    </>
  );
}

function edgesOf(model: GraphModel, { name }: PlacedCluster): readonly TrafficEdge[] {
  const cluster = model.clusters.find((one) => one.name === name);
  return cluster === undefined ? [] : [...cluster.edges, ...cluster.leaving, ...cluster.arriving];
}

/** What belongs to the chosen or pointed thing; undefined when there is none. */
function nearTo({ model, chosen, pointed }: DrawingProps): ReadonlySet<string> | undefined {
  const centre = pointed ?? chosen;
  if (centre === undefined) return undefined;
  const edges =
    centre.kind === "bundle"
      ? (model.bundles.find(({ id }) => id === centre.id)?.edges ?? [])
      : model.edges.filter((edge) =>
          centre.kind === "edge"
            ? edgeId(edge) === centre.id
            : edge.from === centre.id || edge.to === centre.id,
        );
  const bundles = model.bundles.filter(({ edges: inside }) => inside.some((edge) => edges.includes(edge)));
  return new Set([
    centre.id,
    ...edges.flatMap((edge) => [edgeId(edge), edge.from, edge.to]),
    ...bundles.map(({ id }) => id),
  ]);
}

function fade(near: ReadonlySet<string> | undefined, id: string): string {
  return near === undefined ? "" : near.has(id) ? "is-near" : "is-far-off";
}

function edgeWidths(model: GraphModel): (edge: { readonly requestsPerSecond: number }) => number {
  const most = Math.max(...model.edges.map(({ requestsPerSecond }) => requestsPerSecond), 1e-9);
  return ({ requestsPerSecond }) => 1.25 + 1.75 * Math.sqrt(requestsPerSecond / most);
}

/** Networks: the ground under the clusters that are on them. */
function Bands({ layout, networkOf }: DrawingProps) {
  const bands: { network: string; boxes: PlacedCluster[] }[] = [];
  for (const cluster of layout.clusters) {
    const network = networkOf(cluster.name);
    if (network === undefined) continue;
    const last = bands.at(-1);
    if (last !== undefined && last.network === network && last.boxes[0]?.x === cluster.x)
      last.boxes.push(cluster);
    else bands.push({ network, boxes: [cluster] });
  }
  return bands.map(({ network, boxes }) => {
    const [first, last] = [boxes[0], boxes.at(-1)];
    if (first === undefined || last === undefined) return null;
    const width = Math.max(...boxes.map((box) => box.width));
    return (
      <g key={`${network} ${first.name}`} className="graph-band">
        <rect
          x={first.x - 12}
          y={first.y - 12}
          width={width + 24}
          height={last.y + last.height - first.y + 24}
          rx="16"
        />
      </g>
    );
  });
}

function ClusterBox({
  cluster,
  model,
  display,
  looks,
  networkOf,
  gatewayOf,
  awayClusters,
}: DrawingProps & { readonly cluster: PlacedCluster }) {
  const { name, x, y, width, height, boxes, entry } = cluster;
  const isMesh = model.clusters.find((one) => one.name === name)?.isMesh === true;
  const look = looks.get(name);
  const isAway = awayClusters.has(name);
  if (!display.shows.has("clusters") || !isMesh)
    return (
      <g transform={`translate(${x} ${y})`}>
        <Boxes boxes={boxes} />
      </g>
    );
  const gateway = gatewayOf(name);
  const network = networkOf(name);
  return (
    <g
      transform={`translate(${x} ${y})`}
      className={`graph-cluster hue-${look?.hue ?? 1} ${isAway ? "is-away" : ""}`}
    >
      <rect className="cluster-rect" width={width} height={height} rx="12" />
      <g transform="translate(16 13)">
        <rect className="cluster-mark" width="22" height="18" rx="4" />
        <text className="cluster-mark-text" x="11" y="12.5" textAnchor="middle">
          {look?.letters ?? ""}
        </text>
        <text className="cluster-title" x="30" y="13.5">
          {name}
          <tspan className="graph-dim" dx="8">
            {isAway ? "away" : (network ?? "")}
          </tspan>
        </text>
      </g>
      <Boxes boxes={boxes} />
      {entry === undefined || gateway === undefined ? null : (
        <g transform={`translate(0 ${entry})`} className="graph-port">
          <rect x="-10" y="-10" width="20" height="20" rx="6" />
          <g transform="translate(-6 -6)">
            <Icon name="gateway" size={12} />
          </g>
          <title>{`gateway of ${name}: ${gateway}`}</title>
        </g>
      )}
    </g>
  );
}

function Boxes({ boxes }: { readonly boxes: PlacedCluster["boxes"] }) {
  return boxes.map(({ kind, name, x, y, width, height }) => (
    <g key={`${kind} ${name} ${x} ${y}`} className={`graph-box ${kind}`}>
      <rect x={x} y={y} width={width} height={height} rx={kind === "app" ? 8 : 10} />
      <text x={x + 12} y={y + (kind === "app" ? 17 : 20)}>
        {name}
      </text>
    </g>
  ));
}

function BundleLine({
  bundle,
  points,
  label,
  near,
  display,
  looks,
  onChoose,
  onPoint,
}: DrawingProps & {
  readonly bundle: Bundle;
  readonly points: readonly Point[];
  readonly label: Point;
  readonly near: ReadonlySet<string> | undefined;
}) {
  const sum = sumEdges(bundle.edges);
  const look = edgeLook({ ...sum, bytes: sum.bytesPerSecond }, display);
  const lines = bundleText(bundle.edges, display);
  const path = roundedPath(points, 12);
  const choice = { kind: "bundle", id: bundle.id } as const;
  const hue = looks.get(bundle.from)?.hue;
  return (
    <g
      className={`graph-bundle ${look} ${fade(near, bundle.id)} ${hue === undefined ? "no-hue" : `hue-${hue}`}`}
      {...choosing(choice, `${bundle.from} to ${bundle.to}: ${lines.join(", ")}`, { onChoose, onPoint })}
    >
      <path d={path} className="hit" />
      <path d={path} className="casing" />
      <path d={path} className="line" />
      <Tip points={points} />
      {display.shows.has("animation") || near?.has(bundle.id) === true ? <Flow path={path} /> : null}
      {lines.length === 0 || (near !== undefined && !near.has(bundle.id)) ? null : (
        <Label
          id={`${bundle.from} → ${bundle.to}`}
          at={label}
          lines={lines}
          isLocked={isLocked(sum, display)}
          look={look}
        />
      )}
      <title>{`${bundle.from} to ${bundle.to}: ${lines.join(", ")}`}</title>
    </g>
  );
}

function EdgeLine({
  cluster,
  edge,
  placed,
  near,
  width,
  display,
  labelled,
  found,
  onChoose,
  onPoint,
}: DrawingProps & {
  readonly cluster: PlacedCluster;
  readonly edge: TrafficEdge;
  readonly placed: PlacedEdge;
  readonly near: ReadonlySet<string> | undefined;
  readonly width: number;
}) {
  const id = edgeId(edge);
  const look = lookOf(edge, display);
  const path = roundedPath(placed.points);
  const isLeaving = !cluster.nodes.has(edge.to);
  const choice = { kind: "edge", id } as const;
  return (
    <g
      className={`graph-edge ${look} ${fade(near, id)} ${found.has(id) ? "is-found" : ""}`}
      data-edge={`${edge.from} → ${edge.to}`}
      {...choosing(choice, `${edge.from} to ${edge.to}: ${edgeText(edge, display).join(", ")}`, {
        onChoose,
        onPoint,
      })}
    >
      <path d={path} className="hit" />
      <path d={path} className="line" strokeWidth={width} />
      {isLeaving ? null : <Tip points={placed.points} />}
      {(display.shows.has("animation") && labelled.has(id)) || near?.has(id) === true ? (
        <Flow path={path} />
      ) : null}
    </g>
  );
}

function lookOf(edge: TrafficEdge, display: Display) {
  const { sent, received } = edge.bytesPerSecond;
  return edgeLook({ ...edge, bytes: sent + received }, display);
}

/** Undefined: security is not shown, or nobody knows. */
function isLocked({ mutualTls }: { readonly mutualTls?: number | undefined }, { shows }: Display) {
  return shows.has("security") && mutualTls !== undefined ? mutualTls === 1 : undefined;
}

function EdgeLabel({
  edge,
  placed,
  near,
  display,
  labelled,
}: DrawingProps & {
  readonly edge: TrafficEdge;
  readonly placed: PlacedEdge | undefined;
  readonly near: ReadonlySet<string> | undefined;
}) {
  const id = edgeId(edge);
  const isNear = near?.has(id) === true;
  if (placed?.label === undefined || (near !== undefined ? !isNear : !labelled.has(id))) return null;
  const lines = edgeText(edge, display);
  if (lines.length === 0) return null;
  const look = lookOf(edge, display);
  return (
    <Label
      id={`${edge.from} → ${edge.to}`}
      at={placed.label}
      lines={lines}
      isLocked={isLocked(edge, display)}
      look={look}
    />
  );
}

function Label({
  id,
  at,
  lines,
  isLocked,
  look,
}: {
  readonly id: string;
  readonly at: Point;
  readonly lines: readonly string[];
  /** Undefined: no padlock. */
  readonly isLocked: boolean | undefined;
  readonly look: string;
}) {
  const lock = isLocked === undefined ? 0 : 15;
  const { width, height } = labelSize(lines, isLocked !== undefined);
  return (
    <g
      className={`graph-label ${look}`}
      data-label={id}
      transform={`translate(${at.x - width / 2} ${at.y - height / 2})`}
    >
      <rect width={width} height={height} rx="6" />
      {isLocked === undefined ? null : (
        <g transform="translate(5 4)" className={isLocked ? "locked" : "unlocked"}>
          <Icon name={isLocked ? "lock" : "unlock"} size={12} />
          <title>{isLocked ? "mutual TLS" : "some of it in plaintext"}</title>
        </g>
      )}
      {lines.map((line, i) => (
        <text key={line} x={6 + lock} y={14 + i * 13}>
          {line}
        </text>
      ))}
    </g>
  );
}

function NodeCard({
  drawn,
  at,
  near,
  display,
  found,
  chosen,
  looks,
  awayClusters,
  onChoose,
  onPoint,
}: DrawingProps & {
  readonly drawn: DrawnNode;
  readonly at: Point;
  readonly near: ReadonlySet<string> | undefined;
}) {
  const { node, facts, title, health, width, height } = drawn;
  const choice = { kind: "node", id: node.id } as const;
  const version = node.version !== undefined && node.version !== "unknown" ? node.version : undefined;
  const lacksSidecar = display.shows.has("sidecars") && facts.isOutsideMesh === true;
  const isRouted = display.shows.has("virtual-services") && facts.hasVirtualService === true;
  const classes = [
    "graph-node",
    node.kind,
    health,
    fade(near, node.id),
    found.has(node.id) && "is-found",
    chosen?.id === node.id && "is-chosen",
    node.kind === "cluster" && `hue-${looks.get(node.cluster)?.hue ?? 1}`,
    awayClusters.has(node.cluster) && "is-away",
  ];
  const words = [
    `${node.kind === "serviceEntry" ? "service entry" : node.kind} ${title}`,
    version,
    node.namespace === "unknown" ? "" : `in ${node.namespace} of ${node.cluster}`,
    { ok: "healthy", warn: "degraded", fail: "failing", idle: "idle" }[health],
    lacksSidecar ? "without a sidecar" : "",
    isRouted ? "routed by a VirtualService" : "",
  ];
  return (
    <g
      className={classes.filter(Boolean).join(" ")}
      transform={`translate(${at.x} ${at.y})`}
      data-node={node.id}
      {...choosing(choice, words.filter(Boolean).join(", "), { onChoose, onPoint })}
      tabIndex={0}
    >
      <rect
        width={width}
        height={height}
        rx={node.kind === "service" || node.kind === "serviceEntry" ? height / 2 : 8}
      />
      <circle className="health" cx="15" cy={height / 2} r="3.5" />
      <text x="26" y={height / 2 + 4.5}>
        {title}
        {version === undefined ? null : (
          <tspan className="graph-dim" dx="7">
            {version}
          </tspan>
        )}
      </text>
      {lacksSidecar ? (
        <g transform={`translate(${width - 20} ${height / 2 - 6})`} className="badge warn">
          <Icon name="warning" size={12} />
          <title>no sidecar: it is not in the mesh</title>
        </g>
      ) : null}
      {node.kind === "serviceEntry" ? (
        <g transform={`translate(${width - 20} ${height / 2 - 6})`} className="badge entry">
          <Icon name="export" size={12} />
          <title>a ServiceEntry declares it</title>
        </g>
      ) : null}
      {isRouted ? (
        <g transform={`translate(${width - (lacksSidecar ? 38 : 20)} ${height / 2 - 6})`} className="badge">
          <Icon name="split" size={12} />
          <title>a VirtualService rules over requests to it</title>
        </g>
      ) : null}
      <title>{words.filter(Boolean).join(", ")}</title>
    </g>
  );
}

/** What makes a part of the drawing a button, for pointer, keys and screen readers. */
function choosing(
  choice: Choice,
  label: string,
  { onChoose, onPoint }: Pick<DrawingProps, "onChoose" | "onPoint">,
) {
  return {
    role: "button",
    tabIndex: -1,
    "aria-label": label,
    "data-choosable": true,
    onClick: () => onChoose(choice),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === "Enter") onChoose(choice);
    },
    onPointerEnter: () => onPoint(choice),
    onPointerLeave: () => onPoint(undefined),
  };
}

/** The tip at the end of a line. */
function Tip({ points }: { readonly points: readonly Point[] }) {
  const [before, end] = points.slice(-2);
  if (before === undefined || end === undefined) return null;
  const angle = (Math.atan2(end.y - before.y, end.x - before.x) * 180) / Math.PI;
  return (
    <path className="tip" d="M-5 -4L0 0L-5 4" transform={`translate(${end.x} ${end.y}) rotate(${angle})`} />
  );
}

function Flow({ path }: { readonly path: string }) {
  return <circle className="flowing" r="3" style={{ offsetPath: `path("${path}")` }} />;
}
