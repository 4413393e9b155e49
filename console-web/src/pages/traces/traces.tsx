import type { TraceRow, TracesPage } from "../../../../src/console/api.ts";
import { count, milliseconds } from "../../format.ts";
import { useLive } from "../../live.ts";
import { follow, useQuery } from "../../location.ts";
import { Ago } from "../../parts/age.tsx";
import { Choice } from "../../parts/filter.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Segments } from "../../parts/segments.tsx";
import { Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";

/** What the mesh file needs for traces. */
const turnOn = "addons: { jaeger: 30002 }";

/** Which requests were traced, and where did their time go? */
export function Traces() {
  const [service = "", setService] = useQuery("service");
  const [errors = "", setErrors] = useQuery("errors");
  const [atLeast = "", setAtLeast] = useQuery("atLeast");
  const query = new URLSearchParams({
    ...(service === "" ? {} : { service }),
    ...(errors === "" ? {} : { errors }),
    ...(Number(atLeast) > 0 ? { atLeast } : {}),
  });
  const { body, failure } = useLive<TracesPage>(`/api/traces?${query}`);
  const services = body?.services ?? [];
  const longest = Math.max(1, ...(body?.traces ?? []).map(({ durationMs }) => durationMs));
  return (
    <>
      <Top title="Traces" summary={body === undefined || services.length === 0 ? "" : summaryOf(body)} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[420]}>
          {(body) => (
            <>
              <div className="row">
                <Segments
                  label="Which"
                  value={errors === "1" ? "errors" : "all"}
                  options={[
                    { value: "all", text: "All" },
                    { value: "errors", text: "With errors" },
                  ]}
                  onChange={(value) => setErrors(value === "errors" ? "1" : undefined)}
                />
                <Choice
                  {...{ label: "Service", all: "All services", value: service, onChange: setService }}
                  options={services}
                />
                <input
                  className="field"
                  style={{ width: 120 }}
                  type="number"
                  min="0"
                  aria-label="Spans of at least, in milliseconds"
                  placeholder="at least ms"
                  value={atLeast}
                  onChange={(event) => setAtLeast(event.target.value)}
                />
              </div>
              <section className="card table-card" aria-label="Traces">
                {body.traces.length === 0 ? (
                  services.length === 0 ? (
                    <Empty title="Nothing was traced yet" command={turnOn}>
                      Proxies report their spans to a collector of the mesh. The add-on jaeger is one, and has
                      every request traced:
                    </Empty>
                  ) : (
                    <Empty title="No trace is like this">Widen the filters above.</Empty>
                  )
                ) : (
                  <table className="traces">
                    <thead>
                      <tr>
                        <th>Trace</th>
                        <th>Services</th>
                        <th className="right">Spans</th>
                        <th>Duration, ms</th>
                        <th className="right">Begun</th>
                      </tr>
                    </thead>
                    <tbody>
                      {body.traces.map((trace) => (
                        <Row key={trace.id} trace={trace} longest={longest} />
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

function summaryOf({ traces, services }: TracesPage): string {
  return `the last ${count(traces.length, "trace")} of ${count(services.length, "service")}`;
}

function Row({ trace, longest }: { readonly trace: TraceRow; readonly longest: number }) {
  const { id, service, name, start, durationMs, services, spanCount, errors } = trace;
  return (
    <tr>
      <td>
        <span className="row">
          <a className="bold" href={`/traces/${id}`} onClick={follow} data-row>
            {service}
          </a>
          <span className="small dim clip">{name}</span>
        </span>
      </td>
      <td className="small">{services.map((one) => `${one.name} ${one.spans}`).join(", ")}</td>
      <td className="right nowrap">
        {errors > 0 ? <span className="fail">✕ {count(errors, "error")} </span> : null}
        {spanCount}
      </td>
      <td>
        <span className="took">
          <span className="bold">{milliseconds(durationMs)}</span>
          <i style={{ width: `${Math.max(2, (durationMs / longest) * 100)}%` }} />
        </span>
      </td>
      <td className="right nowrap dim">
        <Ago at={start} />
      </td>
    </tr>
  );
}
