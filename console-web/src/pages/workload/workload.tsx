import { useState } from "react";
import type { WorkloadId, WorkloadPage } from "../../../../src/console/api.ts";
import { ScaleWorkload } from "../../actions/scale-workload.tsx";
import { SendRequests } from "../../actions/send-requests.tsx";
import { ShiftTraffic } from "../../actions/shift-traffic.tsx";
import { figure, milliseconds, percentage } from "../../format.ts";
import { useLive } from "../../live.ts";
import { follow, useLocation, useQuery } from "../../location.ts";
import { Chart } from "../../parts/chart.tsx";
import { ClusterName, useClusterLook } from "../../parts/cluster-mark.tsx";
import { CopyButton } from "../../parts/copyable.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { ObjectTag } from "../../parts/object-tag.tsx";
import { ProxyStatus } from "../../parts/proxy-status.tsx";
import { Away, Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";
import { Destinations } from "./destinations.tsx";
import { Neighbours } from "./neighbours.tsx";
import { PodTable } from "./pod-table.tsx";

/** How does this workload do, who calls it, and where does its proxy send requests? */
export function Workload({ names, range }: PageProps) {
  const { cluster = "", namespace = "", name = "" } = names;
  const { path, query } = useLocation();
  const kind = query.get("kind") ?? "Deployment";
  const { body, failure } = useLive<WorkloadPage>(`/api${path}?kind=${kind}&range=${range}`);
  const [tab = "overview"] = useQuery("tab");
  const address = (wanted: string) => {
    const url = new URLSearchParams(query);
    url.delete("to");
    if (wanted === "overview") url.delete("tab");
    else url.set("tab", wanted);
    return `${path}${url.size === 0 ? "" : `?${url}`}`;
  };
  return (
    <>
      <Top
        title={
          <span className="row tight">
            <a href={`/workloads?cluster=${cluster}&ns=${namespace}`} onClick={follow} className="crumb">
              {namespace}
            </a>
            <span className="dimmer">/</span>
            {name}
          </span>
        }
        summary={
          <span className="row">
            <ClusterName name={cluster} /> {kind}
          </span>
        }
        range={range}
      >
        {body === undefined ? null : <Actions page={body} />}
      </Top>
      <PageBody>
        <Loaded {...{ body, failure }} heights={[86, 300]}>
          {(body) => (
            <>
              {body.away === undefined ? null : <Away cluster={cluster} {...body.away} />}

              <Identity page={body} />
              <nav className="tabs" aria-label="Parts of this page">
                {[
                  ["overview", "Overview"],
                  ["destinations", "Where it sends requests"],
                ].map(([id = "", text]) => (
                  <a
                    key={id}
                    href={address(id)}
                    onClick={follow}
                    aria-current={tab === id ? "page" : undefined}
                  >
                    {text}
                  </a>
                ))}
              </nav>
              {tab === "destinations" ? <Destinations page={body} /> : <Overview page={body} />}
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

/** What can be done to a workload and to the requests to it. */
function Actions({ page: { row, services } }: { readonly page: WorkloadPage }) {
  const [open, setOpen] = useState<"scale" | "shift" | "load">();
  const [service] = services;
  const close = () => setOpen(undefined);
  return (
    <>
      {service === undefined ? null : (
        <button type="button" className="button" onClick={() => setOpen("shift")}>
          Shift traffic
        </button>
      )}
      {row.kind === "Deployment" || row.kind === "StatefulSet" ? (
        <button type="button" className="button" onClick={() => setOpen("scale")}>
          Scale
        </button>
      ) : null}
      {row.role === "app" ? (
        <button type="button" className="button" onClick={() => setOpen("load")}>
          Send requests
        </button>
      ) : null}
      {open === "load" ? <SendRequests from={idOf(row)} onClose={close} /> : null}
      {open === "scale" ? <ScaleWorkload row={row} onClose={close} /> : null}
      {open === "shift" && service !== undefined ? (
        <ShiftTraffic namespace={row.namespace} service={service} onClose={close} />
      ) : null}
    </>
  );
}

function idOf({ cluster, namespace, kind, name }: WorkloadId): WorkloadId {
  return { cluster, namespace, kind, name };
}

function Identity({ page }: { readonly page: WorkloadPage }) {
  const { row, identity, images, services } = page;
  const { inbound } = row;
  const failed =
    inbound === undefined || inbound.requestsPerSecond === 0
      ? 0
      : inbound.failedPerSecond / inbound.requestsPerSecond;
  return (
    <section className="card">
      <div className="figures">
        <div className="figure">
          <div className="caption">Pods</div>
          <div className="value">
            {row.pods.ready} <small>of {row.pods.wanted} ready</small>
          </div>
          <div className="small dimmer clip" title={row.trouble}>
            {row.trouble ?? "as wanted"}
          </div>
        </div>
        <div className="figure">
          <div className="caption">Requests in</div>
          <div className="value">
            {inbound === undefined ? "–" : figure(inbound.requestsPerSecond)}{" "}
            <small>{inbound === undefined ? "" : "rps"}</small>
          </div>
          <div className="small dimmer clip">
            {page.isMeasured
              ? inbound === undefined
                ? "none in this range"
                : "as it answered them"
              : "not measured yet"}
          </div>
        </div>
        <div className="figure">
          <div className="caption">Success</div>
          <div className="value">
            {inbound === undefined ? "–" : percentage(1 - failed)}{" "}
            <small>{inbound === undefined ? "" : "%"}</small>
          </div>
          <div className={`small clip ${failed > 0 ? "fail" : "dimmer"}`}>
            {inbound === undefined
              ? ""
              : failed > 0
                ? `${figure(inbound.failedPerSecond)} failing a second`
                : "nothing failed"}
          </div>
        </div>
        <div className="figure">
          <div className="caption">p95</div>
          <div className="value">
            {inbound?.latencyMs === undefined ? "–" : milliseconds(inbound.latencyMs.p95)}{" "}
            <small>{inbound?.latencyMs === undefined ? "" : "ms"}</small>
          </div>
          <div className="small dimmer clip">
            {inbound?.latencyMs === undefined
              ? ""
              : `p50 ${milliseconds(inbound.latencyMs.p50)}, p99 ${milliseconds(inbound.latencyMs.p99)}`}
          </div>
        </div>
      </div>
      <dl className="facts wide">
        <div>
          <dt>Identity</dt>
          <dd className="row tight">
            {identity === undefined ? (
              <span className="dimmer">none: its pods have no proxy, so it is not in the mesh</span>
            ) : (
              <>
                <code>{identity}</code>
                <CopyButton text={identity} label="Copy the identity" />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Proxies</dt>
          <dd>
            <ProxyStatus proxies={row.proxies} role={row.role} />
          </dd>
        </div>
        <div>
          <dt>Image</dt>
          <dd className="clip">
            <code>{images.join(", ")}</code>
          </dd>
        </div>
        <div>
          <dt>Services</dt>
          <dd className="clip">
            {services.length === 0 ? <span className="dimmer">none selects it</span> : services.join(", ")}
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Overview({ page }: { readonly page: WorkloadPage }) {
  const { history, row, policies, pods } = page;
  const { hue } = useClusterLook(row.cluster);
  return (
    <>
      {history === undefined ? null : (
        <div className="two">
          <section className="card chart-card">
            <h2>Requests a second</h2>
            <Chart
              label="Requests a second"
              start={history.start}
              step={history.step}
              format={figure}
              series={[
                { name: "all", colour: `var(--c${hue})`, values: history.requestsPerSecond },
                ...(history.failedPerSecond.some((value) => value > 0)
                  ? [{ name: "failed", colour: "var(--fail)", values: history.failedPerSecond }]
                  : []),
              ]}
            />
          </section>
          <section className="card chart-card">
            <h2>Time to answer, ms</h2>
            <Chart
              label="95 of 100 requests are answered within, in milliseconds"
              start={history.start}
              step={history.step}
              format={milliseconds}
              series={[{ name: "p95", colour: `var(--c${hue})`, values: history.p95 }]}
            />
          </section>
        </div>
      )}
      <div className="two">
        <Neighbours title="Called by" neighbours={page.inbound} isMeasured={page.isMeasured} />
        <Neighbours title="Calls" neighbours={page.outbound} isMeasured={page.isMeasured} />
      </div>
      <section className="card table-card">
        <header>
          <h2>Pods</h2>
        </header>
        {pods.length === 0 ? (
          <Empty
            title="No pods"
            command={`kubectl --context ${row.cluster} -n ${row.namespace} scale ${row.kind.toLowerCase()}/${row.name} --replicas=1`}
          >
            It is scaled to nothing.
          </Empty>
        ) : (
          <PodTable pods={pods} cluster={row.cluster} namespace={row.namespace} />
        )}
      </section>
      <section className="card">
        <header>
          <h2>Rules about it</h2>
          <span className="small dimmer">
            objects that choose its pods by labels, as its control plane reads them
          </span>
        </header>
        {policies.length === 0 ? (
          <p className="dimmer" style={{ padding: "10px 16px" }}>
            None: the defaults of the mesh hold.
          </p>
        ) : (
          <div className="tags" style={{ padding: "10px 16px" }}>
            {policies.map((object) => (
              <ObjectTag key={`${object.kind}/${object.namespace}/${object.name}`} object={object} />
            ))}
          </div>
        )}
      </section>
    </>
  );
}
