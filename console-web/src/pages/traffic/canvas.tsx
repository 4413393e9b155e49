import { useEffect, useMemo, useRef, useState } from "react";
import type { MeshPage, TrafficEdge } from "../../../../src/console/api.ts";
import { Icon } from "../../icons.tsx";
import type { ClusterLook } from "../../parts/cluster-mark.tsx";
import { Skeleton } from "../../parts/states.tsx";
import type { Display } from "./display.ts";
import { type Choice, Drawing } from "./drawing.tsx";
import { edgeText, labelSize } from "./edge-text.ts";
import { exportJson, exportPng, exportSvg } from "./export-graph.ts";
import type { Expression } from "./find.ts";
import { edgeId, type GraphModel } from "./graph-model.ts";
import { type Layout, layoutGraph } from "./layout.ts";
import { Panel } from "./panel.tsx";
import { useViewport } from "./use-viewport.ts";

/** With more edges than this only the largest and the failing have labels, until one is pointed at. */
const mostLabels = 36;
/** Below this scale labels can't be read: only boxes, health and flows are drawn. */
const readable = 0.55;

/** The graph, to move about in, with what is chosen beside it. */
export function Canvas({
  model,
  display,
  looks,
  mesh,
  find,
  level,
}: {
  readonly model: GraphModel;
  readonly display: Display;
  readonly looks: ReadonlyMap<string, ClusterLook>;
  readonly mesh: MeshPage | undefined;
  readonly find: Expression | undefined;
  readonly level: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const [chosen, setChosen] = useState<Choice>();
  const [pointed, setPointed] = useState<Choice>();
  const labelled = useMemo(() => labelledEdges(model), [model]);
  const layout = useLayout(model, display, place);
  const { view, size, fitAll, zoom, pointer } = useViewport(place, layout);
  const found = useMemo(
    () =>
      new Set([
        ...[...model.byId.values()].filter(({ node }) => find?.matchesNode(node)).map(({ node }) => node.id),
        ...model.edges.filter((edge) => find?.matchesEdge(edge)).map(edgeId),
      ]),
    [model, find],
  );
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape" && document.querySelector("dialog[open]") === null) setChosen(undefined);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
  const known = (choice: Choice | undefined) =>
    choice !== undefined &&
    (model.byId.has(choice.id) ||
      model.bundles.some(({ id }) => id === choice.id) ||
      model.edges.some((edge) => edgeId(edge) === choice.id))
      ? choice
      : undefined;
  const [shownChosen, shownPointed] = [known(chosen), known(pointed)];
  const gatewayOf = useMemo(() => findGateway(mesh), [mesh]);
  // Moving about changes none of this: drawing it anew for every step would make large graphs crawl.
  const drawn = useMemo(
    () =>
      layout === undefined ? null : (
        <Drawing
          model={model}
          layout={layout}
          display={display}
          looks={looks}
          networkOf={(name) => mesh?.clusters.find((one) => one.name === name)?.network}
          gatewayOf={gatewayOf}
          awayClusters={
            new Set(
              (mesh?.clusters ?? []).filter(({ lastSeen }) => lastSeen !== undefined).map(({ name }) => name),
            )
          }
          chosen={shownChosen}
          pointed={shownPointed}
          found={found}
          labelled={labelled}
          onChoose={setChosen}
          onPoint={setPointed}
        />
      ),
    [model, layout, display, looks, mesh, gatewayOf, shownChosen, shownPointed, found, labelled],
  );
  return (
    <section className="card traffic-card" aria-label={`Traffic graph, ${level}`}>
      <div
        ref={place}
        className={`graph-place ${view.scale < readable ? "is-small" : ""} ${found.size > 0 ? "is-finding" : ""}`}
        style={{ "--scale": view.scale } as React.CSSProperties}
        {...pointer}
      >
        {layout === undefined ? (
          <Skeleton height={360} />
        ) : (
          // biome-ignore lint/a11y/useKeyWithClickEvents: Esc does the same.
          <svg
            ref={drawing}
            width={size.width}
            height={size.height}
            role="application"
            aria-label="Who calls whom; the same is there as a table"
            onClick={(event) => {
              if ((event.target as Element).closest("[data-choosable]") === null) setChosen(undefined);
            }}
          >
            <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>{drawn}</g>
          </svg>
        )}
        <div className="graph-tools">
          <Tool icon="plus" label="Larger" onClick={() => zoom(1.25)} />
          <Tool icon="minus" label="Smaller" onClick={() => zoom(0.8)} />
          <Tool icon="fit" label="Fit" onClick={fitAll} />
          <Export
            onExport={(form) => {
              if (form === "json") exportJson(model);
              else if (drawing.current !== null && layout !== undefined)
                void (form === "svg" ? exportSvg : exportPng)(drawing.current, layout);
            }}
          />
        </div>
      </div>
      <Panel model={model} chosen={shownChosen} onChoose={setChosen} gatewayOf={gatewayOf} />
    </section>
  );
}

/** The address of a cluster's east-west gateway. */
function findGateway(mesh: MeshPage | undefined): (cluster: string) => string | undefined {
  return (name) => {
    const gateway = mesh?.clusters
      .find((one) => one.name === name)
      ?.gateways.find(({ kind }) => kind === "eastwest");
    return gateway?.address === undefined ? undefined : `${gateway.address}:${gateway.port}`;
  };
}

function Tool({
  icon,
  label,
  onClick,
}: {
  readonly icon: "plus" | "minus" | "fit";
  readonly label: string;
  readonly onClick: () => void;
}) {
  return (
    <button type="button" className="icon-button" onClick={onClick} title={label}>
      <Icon name={icon} size={14} />
      <span className="said">{label}</span>
    </button>
  );
}

function Export({ onExport }: { readonly onExport: (form: "png" | "svg" | "json") => void }) {
  return (
    <select
      className="graph-export"
      aria-label="Save the graph"
      value=""
      onChange={(event) => onExport(event.target.value as "png" | "svg" | "json")}
    >
      <option value="" disabled hidden>
        Save
      </option>
      <option value="png">PNG</option>
      <option value="svg">SVG</option>
      <option value="json">JSON</option>
    </select>
  );
}

/** Where labels are drawn without being asked for: everywhere in small graphs, else on what matters most. */
function labelledEdges(model: GraphModel): ReadonlySet<string> {
  if (model.edges.length <= mostLabels) return new Set(model.edges.map(edgeId));
  const failing = model.edges.filter(({ failedPerSecond }) => failedPerSecond > 0);
  const largest = [...model.edges].sort((a, b) => b.requestsPerSecond - a.requestsPerSecond).slice(0, 12);
  return new Set([...failing.slice(0, mostLabels), ...largest].map(edgeId));
}

/** The layout of what there is to draw: made anew when that changes, not when its numbers do. */
function useLayout(
  model: GraphModel,
  display: Display,
  place: React.RefObject<HTMLDivElement | null>,
): Layout | undefined {
  const [layout, setLayout] = useState<Layout>();
  const [broken, setBroken] = useState<string>();
  // The page says what broke; the graph is there as a table still.
  if (broken !== undefined)
    throw new Error(`the layout of the graph failed (${broken}); it is there as a table`);
  const shows = display.shows;
  // Room for labels is made in steps, so that a digit more does not move everything.
  const roomFor = (edge: TrafficEdge, how: Display) => {
    const { width, height } = labelSize(edgeText(edge, how), how.shows.has("security"));
    return { width: Math.ceil(width / 24) * 24, height };
  };
  const shape = JSON.stringify([
    model.clusters.map(({ name, namespaces }) => [
      name,
      namespaces.map(({ name: namespace, apps }) => [
        namespace,
        apps.map(({ nodes }) => nodes.map(({ node, width }) => [node.id, width])),
      ]),
    ]),
    model.edges.map((edge) => [edgeId(edge), roomFor(edge, display)]),
    shows.has("namespaces"),
    shows.has("clusters"),
  ]);
  const current = useRef({ model, display });
  current.current = { model, display };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for all that the layout depends on.
  useEffect(() => {
    let isOver = false;
    const { model: drawn, display: how } = current.current;
    const labelled = labelledEdges(drawn);
    const rooms = new Map(
      drawn.edges
        .filter((edge) => labelled.has(edgeId(edge)) && edgeText(edge, how).length > 0)
        .map((edge) => [edgeId(edge), roomFor(edge, how)]),
    );
    const { clientWidth = 1, clientHeight = 1 } = place.current ?? {};
    void layoutGraph(drawn, {
      namespaces: shows.has("namespaces"),
      clusters: shows.has("clusters"),
      aspect: clientWidth / Math.max(1, clientHeight),
      labelOf: (id) => rooms.get(id),
    }).then(
      (made) => {
        if (!isOver) setLayout(made);
      },
      (reason: unknown) => {
        if (!isOver) setBroken(String(reason));
      },
    );
    return () => {
      isOver = true;
    };
  }, [shape]);
  return layout;
}
