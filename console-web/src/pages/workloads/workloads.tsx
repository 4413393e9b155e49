import type { WorkloadRow, WorkloadsPage } from "../../../../src/console/api.ts";
import { count, rangeText } from "../../format.ts";
import { useLive } from "../../live.ts";
import { useQuery } from "../../location.ts";
import { ClusterFilter, NamespaceFilter, TextFilter } from "../../parts/filter.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Segments } from "../../parts/segments.tsx";
import { Away, Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";
import { WorkloadTable } from "./workload-table.tsx";

type Shown = "apps" | "gateways" | "all";

/** What runs where, and how does it do? */
export function Workloads({ range }: PageProps) {
  const { body, failure } = useLive<WorkloadsPage>(`/api/workloads?range=${range}`);
  const [text = ""] = useQuery("q");
  const [cluster] = useQuery("cluster");
  const [namespace] = useQuery("ns");
  const [shown = "apps", setShown] = useQuery("show");
  const all = body?.workloads ?? [];
  const found = all.filter(
    (row) =>
      (cluster === undefined || row.cluster === cluster) &&
      (namespace === undefined || row.namespace === namespace) &&
      (shown === "all" || (shown === "gateways" ? row.role === "gateway" : row.role === "app")) &&
      holds(row, text),
  );
  const namespaces = [...new Set(all.map((row) => row.namespace))].sort();
  return (
    <>
      <Top title="Workloads" summary={body === undefined ? "" : summaryOf(found)} range={range} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[420]}>
          {(body) => (
            <>
              {body.away
                .filter((one) => cluster === undefined || one.cluster === cluster)
                .map((one) => (
                  <Away key={one.cluster} {...one} />
                ))}

              <div className="row">
                <Segments<Shown>
                  label="Which"
                  value={shown as Shown}
                  options={[
                    { value: "apps", text: "Apps" },
                    { value: "gateways", text: "Gateways" },
                    { value: "all", text: "All" },
                  ]}
                  onChange={(value) => setShown(value === "apps" ? undefined : value)}
                />
                <ClusterFilter />
                <NamespaceFilter namespaces={namespaces} />
                <TextFilter label="Name, version, account" />
              </div>
              <section className="card table-card" aria-label="Workloads">
                {found.length === 0 ? (
                  <Empty
                    title={all.length === 0 ? "No workloads yet" : "No workload is like this"}
                    {...(all.length === 0 ? { command: "kubectl apply -f YOUR-MANIFESTS.yaml" } : {})}
                  >
                    {all.length === 0
                      ? "Deployments of every cluster are listed here with their proxies and requests."
                      : "Widen the filters above."}
                  </Empty>
                ) : (
                  <WorkloadTable
                    rows={found}
                    away={new Set(body.away.map((one) => one.cluster))}
                    isMeasured={body.isMeasured}
                    window={rangeText(range)}
                  />
                )}
              </section>
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function holds(row: WorkloadRow, text: string): boolean {
  const all = `${row.name} ${row.version ?? ""} ${row.app ?? ""} ${row.serviceAccount}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function summaryOf(rows: readonly WorkloadRow[]): string {
  const pods = rows.reduce((sum, row) => sum + row.pods.ready, 0);
  const unready = rows.filter((row) => row.pods.ready < row.pods.wanted).length;
  const outside = rows.filter((row) => row.proxies.state === "none" && row.role === "app").length;
  return [
    `${count(rows.length, "workload")} with ${count(pods, "ready pod")}`,
    unready > 0 ? `${unready} not as wanted` : "",
    outside > 0 ? `${outside} not in the mesh` : "",
  ]
    .filter(Boolean)
    .join(", ");
}
