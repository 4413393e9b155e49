import type { LiveRow } from "../../../../src/console/api.ts";
import { Icon } from "../../icons.tsx";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { timeOf, whatOf } from "./request-table.tsx";

/** What every proxy on a request's way decided about it, in order. */
export function Trail({ request, onClose }: { readonly request: LiveRow; readonly onClose: () => void }) {
  const { method, start, requestId, trail } = request;
  return (
    <section className="card trail" aria-label="Decisions about the request">
      <div className="row">
        <h2 className="clip">
          {method ?? "TCP"} {whatOf(request)}
        </h2>
        <span className="grow" />
        <button type="button" className="icon-button" onClick={onClose} title="Close">
          <Icon name="close" />
          <span className="said">Close</span>
        </button>
      </div>
      <p className="small dim">
        {timeOf(start)}
        {requestId === undefined ? null : (
          <>
            {" · "}
            <code title="x-request-id">{requestId}</code>
          </>
        )}
      </p>
      <ol>
        {trail.map(({ cluster, by, text, isProblem }, i) => (
          // Steps have no names of their own, and never change places.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <li key={i} className={isProblem ? "fail" : undefined}>
            <span className="row tight small dim">
              <ClusterMark name={cluster} />
              <span className="said">{cluster}</span>
              <span className="clip">{by}</span>
            </span>
            <span>
              {isProblem ? "✕ " : ""}
              {text}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
