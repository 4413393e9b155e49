import type { TraceSpan } from "../../../../src/console/api.ts";
import { milliseconds } from "../../format.ts";
import { Icon } from "../../icons.tsx";

/** All that was reported of one span. */
export function SpanFacts({ span, onClose }: { readonly span: TraceSpan; readonly onClose: () => void }) {
  const { id, service, name, kind, startMs, durationMs, tags, events } = span;
  return (
    <section className="card trail" aria-label="Span">
      <div className="row">
        <h2 className="clip">{service}</h2>
        <span className="grow" />
        <button type="button" className="icon-button" onClick={onClose} title="Close">
          <Icon name="close" />
          <span className="said">Close</span>
        </button>
      </div>
      <p className="small dim">
        {name} · {kind === undefined ? "" : `${kind}, `}
        {milliseconds(durationMs)} ms after {milliseconds(startMs)} ms · <code>{id}</code>
      </p>
      <dl className="span-tags small">
        {tags.map(([key, value], i) => (
          // Names of tags may be there twice, and never change places.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <div key={i}>
            <dt className="dim">{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {events.length === 0 ? null : (
        <ol className="small">
          {events.map(({ atMs, text }) => (
            <li key={`${atMs} ${text}`}>
              after {milliseconds(atMs)} ms: {text}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
