import { Fragment } from "react";
import type { MeshLink } from "../../../../src/console/api.ts";
import { figure } from "../../format.ts";
import { ClusterMark, ClusterName } from "../../parts/cluster-mark.tsx";

/** What of a link the matrix shows. */
type Called = Pick<MeshLink, "from" | "to" | "requestsPerSecond" | "failedPerSecond" | "isCut">;

/** Who calls whom, for more clusters than lines between them can show. */
export function Matrix({
  clusters,
  links,
}: {
  readonly clusters: readonly string[];
  readonly links: readonly Called[];
}) {
  const most = Math.max(...links.map(({ requestsPerSecond }) => requestsPerSecond), 1e-9);
  const linkOf = (from: string, to: string) => links.find((link) => link.from === from && link.to === to);
  return (
    <section className="card matrix-card" aria-label="Who calls whom">
      <header>
        <h2>Who calls whom</h2>
        <span className="small dimmer">
          rows call columns, in requests per second; dark is more, red fails
        </span>
      </header>
      <div
        className="matrix"
        style={{ gridTemplateColumns: `minmax(96px, auto) repeat(${clusters.length}, minmax(0, 1fr))` }}
      >
        <span />
        {clusters.map((name) => (
          <span key={name} className="matrix-head" title={name}>
            <ClusterMark name={name} />
          </span>
        ))}
        {clusters.map((from) => (
          <Fragment key={from}>
            <span className="matrix-row small">
              <ClusterName name={from} />
            </span>
            {clusters.map((to) => (
              <Cell key={to} from={from} to={to} link={linkOf(from, to)} most={most} />
            ))}
          </Fragment>
        ))}
      </div>
    </section>
  );
}

function Cell({
  from,
  to,
  link,
  most,
}: {
  readonly from: string;
  readonly to: string;
  readonly link: Called | undefined;
  readonly most: number;
}) {
  const rate = link?.requestsPerSecond ?? 0;
  const isFailing = link !== undefined && (link.isCut || link.failedPerSecond > 0);
  const depth = rate === 0 ? 0 : 0.08 + 0.42 * Math.sqrt(rate / most);
  const words = link?.isCut === true ? "cut" : `${figure(rate)} rps${isFailing ? ", some fail" : ""}`;
  return (
    <span
      className={`matrix-cell ${isFailing ? "is-failing" : ""} ${rate === 0 ? "is-idle" : ""}`}
      style={{ "--depth": `${Math.round(depth * 100)}%` } as React.CSSProperties}
      title={`${from} → ${to}: ${words}`}
    >
      {rate === 0 ? (link?.isCut === true ? "×" : "") : figure(rate)}
    </span>
  );
}
