import type { Destination, DestinationsPage, WorkloadPage } from "../../../../src/console/api.ts";
import { useLive } from "../../live.ts";
import { useQuery } from "../../location.ts";
import { ClusterMark, ClusterName } from "../../parts/cluster-mark.tsx";
import { ObjectTag } from "../../parts/object-tag.tsx";
import { Empty, Failure, Skeleton, Status } from "../../parts/states.tsx";

/** Where a proxy of the workload sends requests: for each destination its endpoints, and why they are there. */
export function Destinations({ page }: { readonly page: WorkloadPage }) {
  const { row, pods } = page;
  const [pod = pods.find(({ proxy, isReady }) => proxy !== undefined && isReady)?.name, setPod] =
    useQuery("pod");
  const [to, setTo] = useQuery("to");
  const { body, failure } = useLive<DestinationsPage>(
    pod === undefined
      ? undefined
      : `/api/clusters/${row.cluster}/namespaces/${row.namespace}/pods/${pod}/destinations`,
  );
  if (pod === undefined)
    return (
      <section className="card">
        <Empty
          title="No proxy"
          command={`kubectl --context ${row.cluster} label namespace ${row.namespace} istio-injection=enabled`}
        >
          Without a proxy its requests go where Kubernetes sends them. Pods that start after this have one:
        </Empty>
      </section>
    );
  if (body === undefined)
    return failure === undefined ? <Skeleton height={320} /> : <Failure failure={failure} />;
  // What the workload's own namespace has is asked for most.
  const shown = [...body.destinations].sort(
    (a, b) => Number(isNear(b, row.namespace)) - Number(isNear(a, row.namespace)),
  );
  const chosen = shown.find(({ name }) => name === to) ?? shown[0];
  return (
    <div className="destinations">
      <section className="card table-card" aria-label="Destinations">
        <header>
          <select
            className="field grow"
            aria-label="Pod"
            value={pod}
            onChange={(event) => setPod(event.target.value)}
          >
            {pods
              .filter(({ proxy }) => proxy !== undefined)
              .map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
          </select>
        </header>
        <ul className="destination-list">
          {shown.map((one) => (
            <li key={one.name}>
              <button
                type="button"
                aria-pressed={one === chosen}
                onClick={() => setTo(one.name)}
                data-row
                title={one.name}
              >
                <span className="clip grow">{shortHost(one.host)}</span>
                <span className="dimmer">:{one.port}</span>
                {one.subset === undefined ? null : <span className="tag">{one.subset}</span>}
                <span className={`tiny ${one.endpoints.length === 0 ? "warn bold" : "dimmer"}`}>
                  {one.endpoints.length}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </section>
      {chosen === undefined ? null : <Endpoints destination={chosen} />}
    </div>
  );
}

function Endpoints({ destination }: { readonly destination: Destination }) {
  const { host, port, subset, endpoints, missing, note } = destination;
  const isShared = new Set(endpoints.map(({ priority }) => priority)).size > 1;
  const total = endpoints.reduce((sum, one) => sum + (one.priority === 0 ? one.weight : 0), 0);
  return (
    <section className="card" aria-label={`Endpoints of ${host}`}>
      <header>
        <h2 className="clip">
          {host}:{port}
        </h2>
        {subset === undefined ? null : <span className="tag">subset {subset}</span>}
        <span className="grow" />
        <span className="small dimmer">why each endpoint is here</span>
      </header>
      {note === undefined ? null : <p className="small dim endpoint-note">{note}</p>}
      {endpoints.length === 0 ? (
        <Empty title="No endpoints">Requests to it fail with 503: nothing stands behind it.</Empty>
      ) : (
        <ol className="endpoints">
          {endpoints.map((one) => (
            <li key={one.endpoint}>
              <div className="row">
                {one.cluster === undefined ? null : <ClusterMark name={one.cluster} />}
                <span className="mono">{one.endpoint}</span>
                <b className="bold clip">{one.target?.name ?? ""}</b>
                <span className="grow" />
                {isShared ? <span className="tag">priority {one.priority}</span> : null}
                <span className="small dim nowrap">
                  {one.priority === 0 && total > 0 ? `${Math.round((one.weight / total) * 100)} %` : ""}
                </span>
                <Status tone={one.health === "healthy" ? "ok" : one.health === "ejected" ? "fail" : "warn"}>
                  {one.health}
                </Status>
              </div>
              <p className="dim">{one.because}</p>
              <div className="tags">
                {one.locality === "" ? null : <span className="tag">{one.locality}</span>}
                {one.decidedBy.map((object) => (
                  <ObjectTag key={`${object.cluster}/${object.kind}/${object.name}`} object={object} />
                ))}
              </div>
            </li>
          ))}
        </ol>
      )}
      {missing.length === 0 ? null : (
        <>
          <h3 className="missing-head">Not here</h3>
          <ol className="endpoints">
            {missing.map((one) => (
              <li key={`${one.cluster}/${one.pod}`}>
                <div className="row">
                  <ClusterName name={one.cluster} />
                  <span className="mono clip">{one.pod}</span>
                </div>
                <p className="dim">{one.because}</p>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function isNear({ host }: Destination, namespace: string): boolean {
  return host.split(".")[1] === namespace;
}

/** "reviews.shop" of "reviews.shop.svc.cluster.local" */
function shortHost(host: string): string {
  return host.replace(/\.svc\.[^|]*$/, "");
}
