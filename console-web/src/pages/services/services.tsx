import { Fragment, useState } from "react";
import type { ServiceRow, ServicesPage } from "../../../../src/console/api.ts";
import { InjectFault } from "../../actions/inject-fault.tsx";
import { SendRequests } from "../../actions/send-requests.tsx";
import { ShiftTraffic } from "../../actions/shift-traffic.tsx";
import { count, figure, milliseconds, percentage } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { useLive } from "../../live.ts";
import { follow, useQuery } from "../../location.ts";
import { ClusterMark, ClusterName } from "../../parts/cluster-mark.tsx";
import { ClusterFilter, NamespaceFilter, TextFilter } from "../../parts/filter.tsx";
import { FirstFew } from "../../parts/first-few.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { ObjectTag } from "../../parts/object-tag.tsx";
import { Away, Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";

/** For each service: which clusters have it, what stands behind it there, and what rules over its requests? */
export function Services({ range }: PageProps) {
  const { body, failure } = useLive<ServicesPage>(`/api/services?range=${range}`);
  const [text = ""] = useQuery("q");
  const [cluster] = useQuery("cluster");
  const [namespace] = useQuery("ns");
  const all = body?.services ?? [];
  const found = all.filter(
    (row) =>
      (namespace === undefined || row.namespace === namespace) &&
      (cluster === undefined || row.clusters.some((one) => one.cluster === cluster)) &&
      `${row.name}.${row.namespace}`.includes(text.toLowerCase()),
  );
  const namespaces = [...new Set(all.map((row) => row.namespace))];
  const shared = found.filter(({ clusters }) => clusters.length > 1).length;
  return (
    <>
      <Top
        title="Services"
        summary={
          body === undefined ? "" : `${count(found.length, "name")}, ${shared} of them in several clusters`
        }
        range={range}
      />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[420]}>
          {(body) => (
            <>
              {body.away.map((one) => (
                <Away key={one.cluster} {...one} />
              ))}

              <div className="row">
                <ClusterFilter />
                <NamespaceFilter namespaces={namespaces} />
                <TextFilter label="Name" />
              </div>
              <section className="card table-card" aria-label="Services">
                {found.length === 0 ? (
                  <Empty title="No service is like this">Widen the filters above.</Empty>
                ) : (
                  <table>
                    <thead>
                      <tr>
                        <th aria-label="Open" style={{ width: 28 }} />
                        <th>Service</th>
                        <th>Ports</th>
                        <th>Ready endpoints</th>
                        <th className="right">rps</th>
                        <th className="right">Failed</th>
                        <th className="right">p95 ms</th>
                        <th className="right">Rules</th>
                      </tr>
                    </thead>
                    <tbody>
                      {found.map((row) => (
                        <Row key={row.host} row={row} clusters={body.clusters} />
                      ))}
                    </tbody>
                  </table>
                )}
              </section>
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function Row({ row, clusters }: { readonly row: ServiceRow; readonly clusters: readonly string[] }) {
  const [isOpen, setOpen] = useState(false);
  const { name, namespace, ports, traffic, rules } = row;
  const failed =
    traffic === undefined || traffic.requestsPerSecond === 0
      ? 0
      : traffic.failedPerSecond / traffic.requestsPerSecond;
  return (
    <Fragment>
      <tr className="opens" onClick={() => setOpen(!isOpen)}>
        <td style={{ paddingRight: 0 }}>
          <button
            type="button"
            className={`fold ${isOpen ? "is-open" : ""}`}
            aria-expanded={isOpen}
            data-row
            onClick={(event) => {
              event.stopPropagation();
              setOpen(!isOpen);
            }}
          >
            <Icon name="right" size={12} />
            <span className="said">
              {name} in {namespace}
            </span>
          </button>
        </td>
        <td>
          <b className="bold">{name}</b> <span className="dimmer">{namespace}</span>
        </td>
        <td className="dim small ports clip" title={ports.join(", ")}>
          {ports.slice(0, 3).join(", ")}
          {ports.length > 3 ? ` and ${ports.length - 3} more` : ""}
        </td>
        <td>
          <FirstFew
            items={missingFirst(row.clusters).map(({ cluster, endpoints }) => (
              <span
                key={cluster}
                className="row tight"
                title={`${endpoints.ready} of ${endpoints.total} in ${cluster}`}
              >
                <ClusterMark name={cluster} />
                <span className="said">{cluster}</span>
                <span
                  className={
                    endpoints.ready < endpoints.total
                      ? "warn bold"
                      : endpoints.total === 0
                        ? "dimmer"
                        : undefined
                  }
                >
                  {endpoints.ready}
                </span>
              </span>
            ))}
          />
        </td>
        <td className="right bold">{traffic === undefined ? "–" : figure(traffic.requestsPerSecond)}</td>
        <td className={`right ${failed > 0 ? "fail bold" : "dim"}`}>
          {traffic === undefined ? "–" : `${percentage(failed)} %`}
        </td>
        <td className="right">
          {traffic?.latencyMs === undefined ? "–" : milliseconds(traffic.latencyMs.p95)}
        </td>
        <td className="right dim">{rules.length === 0 ? "–" : rules.length}</td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={8} className="service-more">
            <Details row={row} clusters={clusters} />
          </td>
        </tr>
      ) : null}
    </Fragment>
  );
}

/** Those that lack endpoints must not be among the ones that are left out. */
function missingFirst(clusters: ServiceRow["clusters"]): ServiceRow["clusters"] {
  const isMissing = ({ endpoints: { ready, total } }: (typeof clusters)[number]) => ready < total;
  return [...clusters].sort((a, b) => Number(isMissing(b)) - Number(isMissing(a)));
}

function Details({ row, clusters }: { readonly row: ServiceRow; readonly clusters: readonly string[] }) {
  const { name, namespace, host, rules } = row;
  const [open, setOpen] = useState<"shift" | "fault" | "load">();
  const absent = clusters.filter((cluster) => !row.clusters.some((one) => one.cluster === cluster));
  return (
    <div className="column" style={{ gap: 10 }}>
      <div className="row">
        <code>{host}</code>
        <span className="grow" />
        <a className="button" href={`/traffic?ns=${namespace}&find=${name}`} onClick={follow}>
          Its traffic
        </a>
        <button type="button" className="button" onClick={() => setOpen("load")}>
          Send requests
        </button>
        <button type="button" className="button" onClick={() => setOpen("shift")}>
          Shift traffic
        </button>
        <button type="button" className="button" onClick={() => setOpen("fault")}>
          Inject fault
        </button>
      </div>
      <table>
        <thead>
          <tr>
            <th>Cluster</th>
            <th>Its name is answered with</th>
            <th>Type</th>
            <th className="right">Endpoints there</th>
          </tr>
        </thead>
        <tbody>
          {row.clusters.map(({ cluster, answer, type, endpoints }) => (
            <tr key={cluster}>
              <td>
                <ClusterName name={cluster} />
              </td>
              <td className="mono">{answer.length === 0 ? "nothing" : answer.join(", ")}</td>
              <td className="dim">{type}</td>
              <td className="right">
                {endpoints.ready} of {endpoints.total} ready
              </td>
            </tr>
          ))}
          {absent.map((cluster) => (
            <tr key={cluster} className="dimmer">
              <td>
                <ClusterName name={cluster} />
              </td>
              <td colSpan={3}>has no such Service: its name means nothing to programs there</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="tags">
        {rules.length === 0 ? (
          <span className="small dimmer">No VirtualService or DestinationRule is about it.</span>
        ) : (
          rules.map((object) => (
            <ObjectTag key={`${object.cluster}/${object.kind}/${object.name}`} object={object} />
          ))
        )}
      </div>
      {open === "load" ? (
        <SendRequests
          url={`http://${name}.${namespace}:${parseInt(row.ports[0] ?? "80", 10)}/`}
          onClose={() => setOpen(undefined)}
        />
      ) : null}
      {open === "shift" ? (
        <ShiftTraffic namespace={namespace} service={name} onClose={() => setOpen(undefined)} />
      ) : null}
      {open === "fault" ? (
        <InjectFault namespace={namespace} service={name} onClose={() => setOpen(undefined)} />
      ) : null}
    </div>
  );
}
