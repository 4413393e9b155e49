import { useState } from "react";
import type { Action, ApiFailure, Plan, ShownLoad } from "../../../src/console/api.ts";
import { count, figure, milliseconds } from "../format.ts";
import { call, failureOf } from "../live.ts";
import { Failure } from "./states.tsx";

/** How far a load is, and what came back. */
export function LoadProgress({ load }: { readonly load: ShownLoad }) {
  const { report, seconds, state } = load;
  const elapsed = Math.min(seconds, Math.round(report.milliseconds / 1000));
  const { latency } = report;
  return (
    <section className="load-progress" aria-label="What came back">
      <div className="row">
        <progress className="grow" max={seconds} value={elapsed} aria-label="Time that is over" />
        <span className="small dim nowrap">
          {state === "ended"
            ? `over after ${elapsed} s`
            : state === "ending"
              ? "waits for the last answers"
              : `${elapsed} of ${seconds} s`}
        </span>
        {state === "running" ? <EndLoad id={load.id} /> : null}
      </div>
      <dl className="load-figures">
        <div>
          <dt>Sent</dt>
          <dd>{report.sent.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Ok</dt>
          <dd>{report.ok.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Failed</dt>
          <dd className={report.failed > 0 ? "fail" : undefined}>{report.failed.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Answers a second</dt>
          <dd>{figure(report.rate)}</dd>
        </div>
        <div>
          <dt>p50, p99 in ms</dt>
          <dd>
            {milliseconds(latency.p50)}, {milliseconds(latency.p99)}
          </dd>
        </div>
      </dl>
      <p className="small dim">
        {Object.entries(report.answers)
          .map(([answer, number]) => `${number.toLocaleString("en")} × ${answer}`)
          .join(", ")}
        {report.skipped === 0
          ? ""
          : `; ${count(report.skipped, "request")} not sent: all connections were busy`}
      </p>
    </section>
  );
}

/** Ends a load before its time. */
export function EndLoad({ id }: { readonly id: string }) {
  const [failure, setFailure] = useState<ApiFailure>();
  const end = async () => {
    const action: Action = { kind: "end-load", id };
    try {
      const plan = await call<Plan>("/api/actions/plan", action);
      await call("/api/actions/apply", { action, seen: plan.id });
    } catch (reason) {
      setFailure(failureOf(reason));
    }
  };
  return failure === undefined ? (
    <button type="button" className="button" onClick={() => void end()}>
      End
    </button>
  ) : (
    <Failure failure={failure} />
  );
}
