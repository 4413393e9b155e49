import type { TracePage } from "../../../../src/console/api.ts";
import { count, milliseconds } from "../../format.ts";
import { useLive } from "../../live.ts";
import { follow, useQuery } from "../../location.ts";
import { Loaded } from "../../parts/loaded.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";
import { SpanFacts } from "./span-facts.tsx";
import { Waterfall } from "./waterfall.tsx";

/** Where did the time of one request go? */
export function Trace({ names }: PageProps) {
  const { body, failure } = useLive<TracePage>(`/api/traces/${names["id"] ?? ""}`);
  const [chosen, choose] = useQuery("span");
  const span = body?.spans.find(({ id }) => id === chosen);
  return (
    <>
      <Top
        title={
          <>
            <a className="crumb" href="/traces" onClick={follow}>
              Traces
            </a>{" "}
            {body?.service ?? ""}
          </>
        }
        summary={body === undefined ? "" : summaryOf(body)}
      />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[420]}>
          {(body) => (
            <div className={span === undefined ? "" : "live-split"}>
              <Waterfall trace={body} chosen={chosen} onChoose={choose} />
              {span === undefined ? null : <SpanFacts span={span} onClose={() => choose(undefined)} />}
            </div>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function summaryOf({ name, durationMs, spanCount, services, errors }: TracePage): string {
  const failed = errors === 0 ? "" : `, ${count(errors, "error")}`;
  return `${name} · ${milliseconds(durationMs)} ms, ${count(spanCount, "span")} of ${count(services.length, "service")}${failed}`;
}
