import type { TracePage, TraceSpan } from "../../../../src/console/api.ts";
import { milliseconds } from "../../format.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";

const steps = [0, 0.25, 0.5, 0.75, 1];
/** Deeper spans are drawn as deep as this. */
const deepest = 20;

/** The spans of a trace, each below the one that caused it, as bars over the time that they took. */
export function Waterfall({
  trace,
  chosen,
  onChoose,
}: {
  readonly trace: TracePage;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string | undefined) => void;
}) {
  const { spans, durationMs } = trace;
  return (
    <section className="card waterfall" aria-label="Spans">
      <div className="waterfall-row waterfall-head tiny dimmer">
        <span>Service and operation</span>
        <span className="waterfall-scale">
          {steps.map((step) => (
            <span key={step}>{milliseconds(durationMs * step)}</span>
          ))}
        </span>
        <span className="right">ms</span>
      </div>
      {spans.map((span) => (
        <Row
          key={span.id}
          span={span}
          whole={durationMs}
          isChosen={span.id === chosen}
          onChoose={() => onChoose(span.id === chosen ? undefined : span.id)}
        />
      ))}
    </section>
  );
}

function Row({
  span,
  whole,
  isChosen,
  onChoose,
}: {
  readonly span: TraceSpan;
  readonly whole: number;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  const { depth, service, name, cluster, startMs, durationMs, isError } = span;
  const left = whole === 0 ? 0 : (startMs / whole) * 100;
  const width = whole === 0 ? 100 : (durationMs / whole) * 100;
  return (
    <button
      type="button"
      className="waterfall-row"
      aria-expanded={isChosen}
      data-row
      onClick={onChoose}
      title={`${service}: ${name}, after ${milliseconds(startMs)} ms`}
    >
      <span className="row tight clip" style={{ paddingLeft: Math.min(depth, deepest) * 14 }}>
        {cluster === undefined ? null : (
          <>
            <ClusterMark name={cluster} />
            <span className="said">{cluster}</span>
          </>
        )}
        <span className={`bold nowrap ${isError ? "fail" : ""}`}>
          {isError ? "✕ " : ""}
          {service}
        </span>
        <span className="small dim clip">{name}</span>
      </span>
      <span className="waterfall-lane">
        <i
          className={isError ? "failed" : undefined}
          style={{
            left: `${Math.min(left, 99.5)}%`,
            width: `${Math.max(0.5, Math.min(width, 100 - left))}%`,
          }}
        />
      </span>
      <span className="right">{milliseconds(durationMs)}</span>
    </button>
  );
}
