import type { ConfigObject, ConfigPage, ConfigRow } from "../../../../src/console/api.ts";
import { count } from "../../format.ts";
import { useLive } from "../../live.ts";
import { follow, useQuery } from "../../location.ts";
import { Ago } from "../../parts/age.tsx";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { Copyable } from "../../parts/copyable.tsx";
import { ClusterFilter, NamespaceFilter, TextFilter } from "../../parts/filter.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Segments } from "../../parts/segments.tsx";
import { Away, Empty, Failure, Skeleton, Status } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";

type Shown = "all" | "own" | "generated";

/** Which of Istio's objects are there, who wrote them, and is something wrong with them? */
export function Config() {
  const { body, failure } = useLive<ConfigPage>("/api/config");
  const [text = ""] = useQuery("q");
  const [cluster] = useQuery("cluster");
  const [namespace] = useQuery("ns");
  const [shown = "all", setShown] = useQuery("by");
  const [open, setOpen] = useQuery("object");
  const all = body?.objects ?? [];
  const found = all.filter(
    (row) =>
      (cluster === undefined || row.cluster === cluster) &&
      (namespace === undefined || row.namespace === namespace) &&
      (shown === "all" || row.isGenerated === (shown === "generated")) &&
      `${row.kind} ${row.name}`.toLowerCase().includes(text.toLowerCase()),
  );
  const wrong = found.filter(({ errors, warnings }) => errors + warnings > 0).length;
  const chosen = all.find((row) => idOf(row) === open);
  return (
    <>
      <Top
        title="Policy & config"
        summary={
          body === undefined
            ? ""
            : `${count(found.length, "object")} of Istio, ${wrong === 0 ? "nothing wrong with them" : `${wrong} with something wrong`}`
        }
      />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[420]}>
          {(body) => (
            <>
              {body.away.map((one) => (
                <Away key={one.cluster} {...one} />
              ))}

              <div className="row">
                <Segments<Shown>
                  label="Written by"
                  value={shown as Shown}
                  options={[
                    { value: "all", text: "All" },
                    { value: "own", text: "Written by hand" },
                    { value: "generated", text: "From the mesh file" },
                  ]}
                  onChange={(value) => setShown(value === "all" ? undefined : value)}
                />
                <ClusterFilter />
                <NamespaceFilter namespaces={[...new Set(all.map((row) => row.namespace))].sort()} />
                <TextFilter label="Kind or name" />
              </div>
              <div className={chosen === undefined ? undefined : "config-two"}>
                <section className="card table-card" aria-label="Objects">
                  {found.length === 0 ? (
                    <Empty
                      title={all.length === 0 ? "No objects of Istio yet" : "No object is like this"}
                      {...(all.length === 0 ? { command: "kubectl apply -f YOUR-RULES.yaml" } : {})}
                    >
                      {all.length === 0
                        ? "Routes, policies and gateways are listed here."
                        : "Widen the filters above."}
                    </Empty>
                  ) : (
                    <table>
                      <thead>
                        <tr>
                          <th>Object</th>
                          <th>Kind</th>
                          {chosen === undefined ? (
                            <>
                              <th>Namespace</th>
                              <th>Written by</th>
                              <th>Made</th>
                            </>
                          ) : null}
                          <th>State</th>
                        </tr>
                      </thead>
                      <tbody>
                        {found.map((row) => (
                          <Row
                            key={idOf(row)}
                            row={row}
                            isNarrow={chosen !== undefined}
                            isChosen={row === chosen}
                            onOpen={() => setOpen(row === chosen ? undefined : idOf(row))}
                          />
                        ))}
                      </tbody>
                    </table>
                  )}
                </section>
                {chosen === undefined ? null : <Opened row={chosen} onClose={() => setOpen(undefined)} />}
              </div>
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function idOf({ cluster, kind, namespace, name }: ConfigRow): string {
  return `${cluster}/${kind}/${namespace}/${name}`;
}

function Row({
  row,
  isNarrow,
  isChosen,
  onOpen,
}: {
  readonly row: ConfigRow;
  readonly isNarrow: boolean;
  readonly isChosen: boolean;
  readonly onOpen: () => void;
}) {
  const { cluster, kind, namespace, name, isGenerated, from, createdAt } = row;
  return (
    <tr className={`opens ${isChosen ? "is-chosen" : ""}`} onClick={onOpen}>
      <td>
        <span className="row">
          <ClusterMark name={cluster} />
          <span className="said">{cluster}</span>
          <button
            type="button"
            className="bold clip"
            data-row
            aria-pressed={isChosen}
            onClick={(event) => {
              event.stopPropagation();
              onOpen();
            }}
          >
            {name}
          </button>
        </span>
      </td>
      <td className="dim">{kind}</td>
      {isNarrow ? null : (
        <>
          <td className="dim">{namespace}</td>
          <td className="dim" title={from}>
            {isGenerated ? `the mesh file${from === undefined ? "" : `: ${from}`}` : "hand"}
          </td>
          <td className="dim">{createdAt === undefined ? "–" : <Ago at={createdAt} />}</td>
        </>
      )}
      <td>
        <State row={row} />
      </td>
    </tr>
  );
}

function State({ row: { errors, warnings, isRead } }: { readonly row: ConfigRow }) {
  if (errors > 0) return <Status tone="fail">{count(errors, "error")}</Status>;
  if (warnings > 0) return <Status tone="warn">{count(warnings, "warning")}</Status>;
  if (!isRead) return <Status tone="stale">not read here</Status>;
  return <Status tone="ok">fine</Status>;
}

function Opened({ row, onClose }: { readonly row: ConfigRow; readonly onClose: () => void }) {
  const { cluster, kind, namespace, name, isRead } = row;
  const { body, failure } = useLive<ConfigObject>(`/api/config/${idOf(row)}`);
  return (
    <section className="card" aria-label={`${kind} ${name}`}>
      <header>
        <ClusterMark name={cluster} />
        <h2 className="clip grow">
          {namespace}/{name}
        </h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      <div className="dialog-body" style={{ maxHeight: "none" }}>
        {failure === undefined ? null : <Failure failure={failure} />}
        {isRead ? null : (
          <p className="warn">
            {cluster} is served by a control plane elsewhere, which does not look for such objects here: it
            has no effect.
          </p>
        )}
        {body?.findings.map((finding) => (
          <div key={`${finding.code} ${finding.cause}`}>
            <Status
              tone={finding.severity === "error" ? "fail" : finding.severity === "warning" ? "warn" : "stale"}
            >
              {finding.effect}
            </Status>
            <p className="small dim">{finding.cause}</p>
            <a className="link small" href="/checks" onClick={follow}>
              How to mend it
            </a>
          </div>
        ))}
        {body === undefined ? <Skeleton height={240} /> : <pre className="code">{body.yaml}</pre>}
        <Copyable text={`kubectl --context ${cluster} -n ${namespace} edit ${kind.toLowerCase()} ${name}`} />
      </div>
    </section>
  );
}
