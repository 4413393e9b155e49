import { type ReactNode, useState } from "react";
import type { TrafficEdge, TrafficNode } from "../../../../src/console/api.ts";
import { InjectFault } from "../../actions/inject-fault.tsx";
import { ShiftTraffic } from "../../actions/shift-traffic.tsx";
import { byteRate, count, figure, milliseconds, percentage } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { follow, workloadUrl } from "../../location.ts";
import { ClusterName } from "../../parts/cluster-mark.tsx";
import { Secured } from "../../parts/secured.tsx";
import type { Choice } from "./drawing.tsx";
import { edgeId, type GraphModel, sumEdges } from "./graph-model.ts";

interface PanelProps {
  readonly model: GraphModel;
  readonly chosen: Choice | undefined;
  onChoose(choice: Choice | undefined): void;
  readonly gatewayOf: (cluster: string) => string | undefined;
}

/** What is chosen, in numbers; the whole graph when nothing is. */
export function Panel(props: PanelProps) {
  const { chosen, onChoose } = props;
  return (
    <aside className="graph-panel" aria-label="What is chosen">
      {chosen === undefined ? (
        <Whole {...props} />
      ) : (
        <>
          <button
            type="button"
            className="icon-button panel-close"
            onClick={() => onChoose(undefined)}
            title="Close (Esc)"
          >
            <Icon name="close" size={14} />
            <span className="said">Close</span>
          </button>
          {chosen.kind === "node" ? (
            <NodePart {...props} id={chosen.id} />
          ) : chosen.kind === "edge" ? (
            <EdgePart {...props} id={chosen.id} />
          ) : (
            <BundlePart {...props} id={chosen.id} />
          )}
        </>
      )}
    </aside>
  );
}

function Whole({ model, onChoose }: PanelProps) {
  const clusters = new Set(
    [...model.byId.values()].map(({ node }) => node.cluster).filter((name) => name !== "unknown"),
  );
  const apps = new Set(
    [...model.byId.values()].map(({ node }) => `${node.cluster} ${node.namespace} ${node.name}`),
  );
  const failing = model.edges.filter(({ failedPerSecond }) => failedPerSecond > 0);
  return (
    <>
      <h2>Whole graph</h2>
      <p className="small dim">
        {count(clusters.size, "cluster")}, {count(apps.size, "name")} ({count(model.byId.size, "node")}),{" "}
        {count(model.edges.length, "edge")}
      </p>
      <Numbers edges={model.calls} />
      <Codes edges={model.calls} />
      {failing.length === 0 ? null : (
        <>
          <h3>Failing</h3>
          <EdgeList {...{ model, onChoose }} edges={failing} />
        </>
      )}
      <p className="tiny dimmer">Click a node, an edge or a way between clusters to see its own numbers.</p>
    </>
  );
}

function NodePart({ model, id, onChoose }: PanelProps & { readonly id: string }) {
  const drawn = model.byId.get(id);
  if (drawn === undefined) return null;
  const { node, facts, title } = drawn;
  const inbound = model.edges.filter(({ to }) => to === id);
  const outbound = model.edges.filter(({ from }) => from === id);
  return (
    <>
      <h2 className="clip">
        {title}{" "}
        {node.version === undefined || node.version === "unknown" ? (
          ""
        ) : (
          <span className="dimmer">{node.version}</span>
        )}
      </h2>
      <p className="row tight small dim">
        {node.cluster === "unknown" ? null : <ClusterName name={node.cluster} />}
        {node.namespace === "unknown" ? null : <span>{node.namespace}</span>}
        <span className="tag">{node.kind}</span>
      </p>
      {facts.isOutsideMesh === true ? (
        <p className="small warn">It has no sidecar, so it is not in the mesh.</p>
      ) : null}
      {facts.hasVirtualService === true ? (
        <p className="small dim">A VirtualService rules over requests to it.</p>
      ) : null}
      {node.kind === "workload" ? (
        <a className="button" href={workloadUrl({ ...node, kind: "Deployment" })} onClick={follow}>
          Open its page
        </a>
      ) : node.kind === "app" ? (
        <a
          className="button"
          href={`/workloads?cluster=${node.cluster}&ns=${node.namespace}&q=${node.name}`}
          onClick={follow}
        >
          Its workloads
        </a>
      ) : null}
      <ServiceActions name={serviceOf(node, inbound)} />
      {inbound.length === 0 ? null : (
        <>
          <h3>Called by</h3>
          <EdgeList {...{ model, onChoose }} edges={inbound} end="from" />
          <Numbers edges={inbound} />
          <Codes edges={inbound} />
        </>
      )}
      {outbound.length === 0 ? null : (
        <>
          <h3>Calls</h3>
          <EdgeList {...{ model, onChoose }} edges={outbound} end="to" />
        </>
      )}
    </>
  );
}

/** The Service that a node is, or that its callers ask for. */
function serviceOf(node: TrafficNode, inbound: readonly TrafficEdge[]) {
  if (node.kind === "service") return { service: node.name, namespace: node.namespace };
  const hosts = new Set(inbound.map(({ service }) => service));
  const [host = ""] = hosts;
  const found = /^([^.]+)\.([^.]+)\.svc\./.exec(host);
  const [, service, namespace] = found ?? [];
  return hosts.size !== 1 || service === undefined || namespace === undefined
    ? undefined
    : { service, namespace };
}

/** What can be done to the requests to a service. */
function ServiceActions({ name }: { readonly name: ReturnType<typeof serviceOf> }) {
  const [open, setOpen] = useState<"shift" | "fault">();
  if (name === undefined) return null;
  return (
    <div className="row tight">
      <button type="button" className="button" onClick={() => setOpen("shift")}>
        <Icon name="split" size={12} />
        Shift traffic
      </button>
      <button type="button" className="button" onClick={() => setOpen("fault")}>
        Inject fault
      </button>
      {open === "shift" ? <ShiftTraffic {...name} onClose={() => setOpen(undefined)} /> : null}
      {open === "fault" ? <InjectFault {...name} onClose={() => setOpen(undefined)} /> : null}
    </div>
  );
}

function EdgePart({ model, id, gatewayOf }: PanelProps & { readonly id: string }) {
  const edge = model.edges.find((one) => edgeId(one) === id);
  if (edge === undefined) return null;
  const { from, to, protocol, share, latencyMs, principals, service, crossesNetwork, flags } = edge;
  const goal = model.byId.get(to);
  return (
    <>
      <h2 className="clip">
        {model.byId.get(from)?.title} <span className="dimmer">→</span> {goal?.title}
      </h2>
      <p className="row tight small dim">
        <span className="tag">{protocol}</span>
        {service === undefined ? null : <span className="clip">{service}</span>}
      </p>
      <Numbers edges={[edge]} />
      <Facts
        rows={[
          ["Share of the caller's", `${percentage(share)} %`],
          ...(latencyMs === undefined
            ? []
            : ([
                ["average", `${milliseconds(latencyMs.average)} ms`],
                ["p50", `${milliseconds(latencyMs.p50)} ms`],
                ["p95", `${milliseconds(latencyMs.p95)} ms`],
                ["p99", `${milliseconds(latencyMs.p99)} ms`],
              ] as const)),
          ["Sent", byteRate(edge.bytesPerSecond.sent)],
          ["Received", byteRate(edge.bytesPerSecond.received)],
          ...(crossesNetwork && goal !== undefined
            ? ([
                [
                  "Through",
                  <span key="through" className="mono">
                    {gatewayOf(goal.node.cluster) ?? "a gateway"}
                  </span>,
                ],
              ] as const)
            : []),
        ]}
      />
      <Codes edges={[edge]} />
      {Object.keys(flags).length === 0 ? null : (
        <Facts rows={Object.entries(flags).map(([flag, rate]) => [`Flag ${flag}`, `${figure(rate)} rps`])} />
      )}
      {principals === undefined ? null : (
        <>
          <h3>Identities</h3>
          <p className="tiny mono principal">{principals.from}</p>
          <p className="tiny mono principal">{principals.to}</p>
        </>
      )}
    </>
  );
}

function BundlePart({ model, id, onChoose, gatewayOf }: PanelProps & { readonly id: string }) {
  const bundle = model.bundles.find((one) => one.id === id);
  if (bundle === undefined) return null;
  const gateway = gatewayOf(bundle.to);
  return (
    <>
      <h2 className="row tight">
        <ClusterName name={bundle.from} /> <span className="dimmer">→</span> <ClusterName name={bundle.to} />
      </h2>
      <p className="small dim">
        {count(bundle.edges.length, "edge")}
        {gateway === undefined ? "" : ", through the gateway at "}
        <span className="mono">{gateway}</span>
      </p>
      <Numbers edges={bundle.edges} />
      <Codes edges={bundle.edges} />
      <h3>Edges</h3>
      <EdgeList {...{ model, onChoose }} edges={bundle.edges} />
    </>
  );
}

function Numbers({ edges }: { readonly edges: readonly TrafficEdge[] }) {
  const { requestsPerSecond: rate, failedPerSecond, bytesPerSecond, mutualTls } = sumEdges(edges);
  const failed = rate === 0 ? 0 : failedPerSecond / rate;
  return (
    <div className="panel-numbers">
      <div>
        <b>{rate === 0 ? byteRate(bytesPerSecond) : figure(rate)}</b> {rate === 0 ? "" : "rps"}
      </div>
      <div className={failed > 0 ? "fail" : undefined}>
        <b>{rate === 0 ? "–" : percentage(1 - failed)}</b> {rate === 0 ? "" : "% success"}
      </div>
      <Secured part={mutualTls} />
    </div>
  );
}

const families = [
  { name: "OK", tone: "ok", test: (code: string) => /^[12]/.test(code) },
  { name: "3xx", tone: "stale", test: (code: string) => code.startsWith("3") },
  { name: "4xx", tone: "warn", test: (code: string) => code.startsWith("4") },
  { name: "5xx", tone: "fail", test: (code: string) => code.startsWith("5") },
  { name: "no response", tone: "fail", test: (code: string) => code === "0" },
] as const;

/** Answers by the family of their codes, as a bar with its numbers. */
function Codes({ edges }: { readonly edges: readonly TrafficEdge[] }) {
  const http = edges.filter(({ protocol }) => protocol === "http");
  const rates = new Map<string, number>();
  for (const { codes } of http)
    for (const [code, rate] of Object.entries(codes)) rates.set(code, (rates.get(code) ?? 0) + rate);
  const total = [...rates.values()].reduce((sum, rate) => sum + rate, 0);
  if (total === 0) return null;
  const parts = families
    .map(({ name, tone, test }) => ({
      name,
      tone,
      rate: [...rates].filter(([code]) => test(code)).reduce((sum, [, rate]) => sum + rate, 0),
    }))
    .filter(({ rate }) => rate > 0);
  return (
    <div>
      <div className="code-bar" aria-hidden="true">
        {parts.map(({ name, tone, rate }) => (
          <span key={name} className={tone} style={{ flexGrow: rate }} />
        ))}
      </div>
      <p className="tiny dim">
        {parts.map(({ name, rate }) => `${name} ${percentage(rate / total)} %`).join(" · ")}
      </p>
    </div>
  );
}

function EdgeList({
  model,
  edges,
  end,
  onChoose,
}: {
  readonly model: GraphModel;
  readonly edges: readonly TrafficEdge[];
  /** Which end is named; both without. */
  readonly end?: "from" | "to";
  onChoose(choice: Choice): void;
}) {
  const sorted = [...edges].sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
  const nameOf = (id: string) => {
    const drawn = model.byId.get(id);
    const version = drawn?.node.version;
    return `${drawn?.title ?? id}${version === undefined || version === "unknown" ? "" : ` ${version}`}`;
  };
  return (
    <ul className="panel-edges">
      {sorted.slice(0, 12).map((edge) => (
        <li key={edgeId(edge)}>
          <button
            type="button"
            className={edge.failedPerSecond > 0 ? "fail" : undefined}
            onClick={() => onChoose({ kind: "edge", id: edgeId(edge) })}
          >
            <span className="clip grow">
              {end === undefined ? `${nameOf(edge.from)} → ${nameOf(edge.to)}` : nameOf(edge[end])}
            </span>
            <span className="nowrap dim">
              {edge.protocol === "tcp"
                ? byteRate(edge.bytesPerSecond.sent + edge.bytesPerSecond.received)
                : `${figure(edge.requestsPerSecond)} rps`}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="panel-facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
