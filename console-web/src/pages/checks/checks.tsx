import type { ChecksPage, Finding } from "../../../../src/console/api.ts";
import { count } from "../../format.ts";
import { useLive } from "../../live.ts";
import { useQuery } from "../../location.ts";
import { ClusterFilter } from "../../parts/filter.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Segments } from "../../parts/segments.tsx";
import { Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import { FindingCard } from "./finding-card.tsx";
import { useMuted } from "./muted.ts";

type Shown = Finding["severity"] | "all" | "muted";

/** What is wrong, in order of its effect on requests? */
export function Checks() {
  const { body, failure } = useLive<ChecksPage>("/api/checks");
  const [severity = "all", setSeverity] = useQuery("severity");
  const [cluster] = useQuery("cluster");
  const [muted, toggleMuted] = useMuted();
  const all = body?.findings ?? [];
  const heard = all.filter(({ id }) => !muted.has(id));
  const of = (wanted: Finding["severity"]) => heard.filter((finding) => finding.severity === wanted).length;
  const silent = all.length - heard.length;
  const shown = (severity === "muted" ? all.filter(({ id }) => muted.has(id)) : heard).filter(
    (finding) =>
      (severity === "all" || severity === "muted" || finding.severity === severity) &&
      (cluster === undefined ||
        finding.cluster === cluster ||
        finding.objects.some((object) => object.cluster === cluster)),
  );
  const options: readonly { value: Shown; text: string }[] = [
    { value: "all", text: `All ${heard.length}` },
    { value: "error", text: `Errors ${of("error")}` },
    { value: "warning", text: `Warnings ${of("warning")}` },
    { value: "info", text: `Hints ${of("info")}` },
    ...(silent > 0 ? [{ value: "muted" as const, text: `Muted ${silent}` }] : []),
  ];
  return (
    <>
      <Top title="Checks" summary={body === undefined ? "" : summaryOf(of("error"), of("warning"))} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[28, 132, 132]}>
          {() => (
            <>
              <div className="row">
                <Segments
                  label="Which"
                  options={options}
                  value={severity as Shown}
                  onChange={(value) => setSeverity(value === "all" ? undefined : value)}
                />
                <ClusterFilter />
              </div>
              {shown.length === 0 ? (
                <section className="card">
                  <Empty
                    title={all.length === 0 ? "Nothing is wrong" : "Nothing of this kind"}
                    {...(all.length === 0 ? { command: "isthmus verify" } : {})}
                  >
                    {all.length === 0
                      ? "No check of any cluster finds anything that keeps requests from working. To prove it by requests:"
                      : "Other findings are under All."}
                  </Empty>
                </section>
              ) : (
                <ol className="findings">
                  {shown.map((finding) => (
                    <FindingCard
                      key={finding.id}
                      finding={finding}
                      isMuted={muted.has(finding.id)}
                      onMute={() => toggleMuted(finding.id)}
                    />
                  ))}
                </ol>
              )}
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function summaryOf(errors: number, warnings: number): string {
  if (errors + warnings === 0) return "nothing keeps requests from working";
  const parts = [
    errors > 0 ? `${count(errors, "thing")} ${errors === 1 ? "breaks" : "break"} requests` : "",
    warnings > 0 ? `${warnings} may` : "",
  ];
  return `${parts.filter(Boolean).join(", ")}, over all clusters`;
}
