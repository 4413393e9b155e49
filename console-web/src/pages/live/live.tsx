import type { LivePage } from "../../../../src/console/api.ts";
import { count } from "../../format.ts";
import { useLive } from "../../live.ts";
import { useQuery } from "../../location.ts";
import { ClusterFilter } from "../../parts/filter.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Segments } from "../../parts/segments.tsx";
import { Away, Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import { RequestTable } from "./request-table.tsx";
import { Trail } from "./trail.tsx";

type Shown = "all" | "4xx" | "5xx";

/** The YAML by which proxies write what this page reads. */
const turnOn = "istio: { meshConfig: { accessLogFile: /dev/stdout } }";

/** What is asked right now, and what was decided about it? */
export function Live() {
  const [service = "", setService] = useQuery("service");
  const [code = "all", setCode] = useQuery("code");
  const [cluster = ""] = useQuery("cluster");
  const [chosen, choose] = useQuery("request");
  const query = new URLSearchParams({
    ...(service === "" ? {} : { service }),
    ...(code === "all" ? {} : { code }),
    ...(cluster === "" ? {} : { cluster }),
  });
  const { body, failure } = useLive<LivePage>(`/api/live?${query}`);
  const requests = body?.requests ?? [];
  const request = requests.find(({ id }) => id === chosen);
  return (
    <>
      <Top title="Live" summary={body === undefined ? "" : summaryOf(body)} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[420]}>
          {(body) => (
            <>
              {body.away.map((name) => (
                <Away key={name} cluster={name} reason="Its proxies' logs come again when it is back." />
              ))}

              <div className="row">
                <Segments<Shown>
                  label="Which answers"
                  value={code as Shown}
                  options={[
                    { value: "all", text: "All" },
                    { value: "4xx", text: "4xx" },
                    { value: "5xx", text: "5xx" },
                  ]}
                  onChange={(value) => setCode(value === "all" ? undefined : value)}
                />
                <ClusterFilter />
                <input
                  className="field"
                  style={{ width: 200 }}
                  type="search"
                  aria-label="Service"
                  placeholder="Service: reviews.default"
                  value={service}
                  onChange={(event) => setService(event.target.value)}
                />
              </div>
              <div className={request === undefined ? "" : "live-split"}>
                <section className="card table-card" aria-label="Requests">
                  {requests.length === 0 ? (
                    body.hasEntries ? (
                      <Empty title="No request is like this">
                        Widen the filters above, or wait for the next one.
                      </Empty>
                    ) : (
                      <Empty title="No proxy tells of requests yet" command={turnOn}>
                        They come from the proxies' access logs, which are off unless the mesh file or a
                        Telemetry turns them on:
                      </Empty>
                    )
                  ) : (
                    <RequestTable requests={requests} chosen={chosen} onChoose={choose} />
                  )}
                </section>
                {request === undefined ? null : <Trail request={request} onClose={() => choose(undefined)} />}
              </div>
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function summaryOf({ requests }: LivePage): string {
  const failed = requests.filter(({ hasFailed }) => hasFailed).length;
  return `the last ${count(requests.length, "request")}${failed === 0 ? "" : `, ${failed} failed`}`;
}
