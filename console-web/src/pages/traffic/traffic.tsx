import { useEffect, useMemo, useState } from "react";
import type { MeshPage, TrafficPage } from "../../../../src/console/api.ts";
import { count, figure, rangeText } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { useLive } from "../../live.ts";
import { useQuery } from "../../location.ts";
import { useClusterLooks } from "../../parts/cluster-mark.tsx";
import { ClusterFilter, NamespaceFilter } from "../../parts/filter.tsx";
import { Segments } from "../../parts/segments.tsx";
import { Empty, Failure, Skeleton } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";
import { mostOnMap } from "../mesh/map-layout.ts";
import { Matrix } from "../mesh/matrix.tsx";
import { Canvas } from "./canvas.tsx";
import { useDisplay } from "./display.ts";
import { DisplayMenu } from "./display-menu.tsx";
import { EdgeTable } from "./edge-table.tsx";
import { parseExpression } from "./find.ts";
import { type GraphModel, modelOf, sumEdges } from "./graph-model.ts";
import { loadLayout } from "./layout.ts";
import { Replay } from "./replay.tsx";

const levels = [
  { value: "workload", text: "Workload" },
  { value: "app", text: "App" },
  { value: "versionedApp", text: "Versioned app" },
  { value: "service", text: "Service" },
  { value: "cluster", text: "Cluster" },
] as const;

/** Beyond this many nodes a graph says nothing: it is summed up by cluster, until it is narrowed. */
const mostNodes = 200;

/** Who calls whom, and where does it cross clusters? */
export function Traffic({ range }: PageProps) {
  const [level = "versionedApp", setLevel] = useQuery("level");
  const [namespace] = useQuery("ns");
  const [cluster] = useQuery("cluster");
  const [at] = useQuery("at");
  const [view = "graph", setView] = useQuery("view");
  const [findText = "", setFind] = useQuery("find");
  const [hideText = "", setHide] = useQuery("hide");
  const [display, toggle, setQuantile] = useDisplay();
  useEffect(loadLayout, []);
  const [isReplaying, setReplaying] = useState(at !== undefined);
  const target = (wanted: string) =>
    `/api/traffic?${new URLSearchParams({
      level: wanted,
      range: String(range),
      ...(namespace === undefined ? {} : { ns: namespace }),
      ...(cluster === undefined ? {} : { clusters: cluster }),
      ...(display.shows.has("services") ? { services: "1" } : {}),
      ...(display.shows.has("idle") ? { idle: "1" } : {}),
      ...(at === undefined ? {} : { at }),
    })}`;
  const own = useLive<TrafficPage>(target(level));
  const isTooLarge = (own.body?.graph?.nodes.length ?? 0) > mostNodes && level !== "cluster";
  const summed = useLive<TrafficPage>(isTooLarge ? target("cluster") : undefined);
  const clusterLevel = isTooLarge || level === "cluster";
  const { body, failure } = isTooLarge ? summed : own;
  const { body: mesh } = useLive<MeshPage>(`/api/mesh?range=${range}`);
  const looks = useClusterLooks();
  const graph = body?.graph;
  const [find, hide] = [
    useMemo(() => parseExpression(findText), [findText]),
    useMemo(() => parseExpression(hideText), [hideText]),
  ];
  const model = useMemo(() => {
    if (graph === undefined) return undefined;
    const hidden = new Set(graph.nodes.filter((node) => hide?.matchesNode(node)).map(({ id }) => id));
    const edges = graph.edges.filter(
      (edge) => !hide?.matchesEdge(edge) && !hidden.has(edge.from) && !hidden.has(edge.to),
    );
    // A node that nothing leads to any more goes with its edges.
    const ends = new Set(edges.flatMap(({ from, to }) => [from, to]));
    const nodes = graph.nodes.filter(({ id }) => ends.has(id));
    return modelOf({ ...graph, nodes, edges }, body?.facts ?? {}, [...looks.keys()]);
  }, [graph, body?.facts, hide, looks]);

  return (
    <>
      <Top title="Traffic" summary={model === undefined ? "" : summaryOf(model, range)} range={range} />
      <PageBody className="traffic-page">
        {failure === undefined ? null : <Failure failure={failure} />}
        <div className="row traffic-tools">
          <Segments
            label="What a node stands for"
            options={levels}
            value={level as (typeof levels)[number]["value"]}
            onChange={(value) => setLevel(value === "versionedApp" ? undefined : value)}
          />
          <NamespaceFilter namespaces={body?.namespaces ?? []} />
          <ClusterFilter />
          <DisplayMenu display={display} onToggle={toggle} onQuantile={setQuantile} />
          <span className="grow" />
          <Words label="Find" text={findText} onChange={setFind} />
          <Words label="Hide" text={hideText} onChange={setHide} />
          <button
            type="button"
            className="icon-button"
            aria-pressed={isReplaying}
            onClick={() => setReplaying(!isReplaying)}
            title="Replay what was"
          >
            <Icon name="clock" />
            <span className="said">Replay</span>
          </button>
          <button
            type="button"
            className="icon-button"
            aria-pressed={view === "table"}
            onClick={() => setView(view === "table" ? undefined : "table")}
            title="The same as a table"
          >
            <Icon name="table" />
            <span className="said">As a table</span>
          </button>
        </div>
        {isReplaying && mesh !== undefined ? (
          <Replay since={mesh.startedAt} onEnd={() => setReplaying(false)} />
        ) : null}
        {isTooLarge ? (
          <div className="notice">
            <Icon name="info" />
            <p>
              {count(own.body?.graph?.nodes.length ?? 0, "node")} are too many to read, so they are summed up
              by cluster. Choose a namespace or a cluster to see them.
            </p>
          </div>
        ) : null}
        {model === undefined ? (
          body !== undefined ? (
            <section className="card">
              <Empty title="Traffic is not measured yet">
                Rates appear a few seconds after the mesh is up.
              </Empty>
            </section>
          ) : failure === undefined ? (
            <Skeleton height={480} />
          ) : null
        ) : model.edges.length === 0 ? (
          <NoTraffic range={range} namespace={namespace} isHidden={(graph?.edges.length ?? 0) > 0} />
        ) : view === "table" ? (
          <EdgeTable model={model} find={find} />
        ) : clusterLevel && looks.size > mostOnMap ? (
          <Matrix clusters={[...looks.keys()]} links={linksOf(model)} />
        ) : (
          <Canvas model={model} display={display} looks={looks} mesh={mesh} find={find} level={level} />
        )}
      </PageBody>
    </>
  );
}

function NoTraffic({
  range,
  namespace,
  isHidden,
}: {
  readonly range: number;
  readonly namespace: string | undefined;
  readonly isHidden: boolean;
}) {
  const window = rangeText(range).replace(/(\d)([a-z])/, "$1 $2");
  if (isHidden)
    return (
      <section className="card">
        <Empty title="All of it is hidden">The words under Hide match every edge.</Empty>
      </section>
    );
  return (
    <section className="card">
      <Empty
        title={`No traffic in ${window}${namespace === undefined ? "" : ` in ${namespace}`}`}
        command={`isthmus load http://SERVICE:PORT/ --from deploy/NAME.${namespace ?? "NAMESPACE"} --cluster CLUSTER`}
      >
        Workloads that call each other are drawn here. Send requests, take a longer range, or turn on idle
        edges under Display:
      </Empty>
    </section>
  );
}

function Words({
  label,
  text,
  onChange,
}: {
  readonly label: string;
  readonly text: string;
  readonly onChange: (text: string | undefined) => void;
}) {
  return (
    <input
      className="field"
      style={{ width: 92 }}
      type="search"
      aria-label={label}
      placeholder={label}
      title={`${label}: a name, ns:NAME, cluster:NAME, version:v2, failing, idle, plain, crossing, rps>10, p95>100, failed>1; !word for not`}
      value={text}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** The edges of a graph of clusters, as links. */
function linksOf({ edges, byId }: GraphModel) {
  return edges.map(({ from, to, requestsPerSecond, failedPerSecond }) => ({
    from: byId.get(from)?.node.cluster ?? from,
    to: byId.get(to)?.node.cluster ?? to,
    requestsPerSecond,
    failedPerSecond,
    isCut: false,
  }));
}

function summaryOf({ edges, calls }: GraphModel, range: number): string {
  const { requestsPerSecond } = sumEdges(calls);
  return `${count(edges.length, "edge")}, ${figure(requestsPerSecond)} rps over them in ${rangeText(range).replace(/(\d)([a-z])/, "$1 $2")}`;
}
