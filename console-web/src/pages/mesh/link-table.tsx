import type { MeshLink, MeshPage } from "../../../../src/console/api.ts";
import { figure, milliseconds } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { ClusterName } from "../../parts/cluster-mark.tsx";
import { Secured } from "../../parts/secured.tsx";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Empty } from "../../parts/states.tsx";
import { LinkSwitch } from "./link-switch.tsx";

const most = 40;

/** The same links as the map's, as a table, with those within clusters. */
export function LinkTable({ mesh, range }: { readonly mesh: MeshPage; readonly range: string }) {
  const { links, traffic } = mesh;
  const window = range.replace(/(\d)([a-z])/, "$1 $2");
  if (links.length === 0)
    return (
      <section className="card" aria-label="Links">
        {traffic === undefined ? (
          <Empty title="Traffic is not measured yet">
            Rates appear a few seconds after the first requests.
          </Empty>
        ) : (
          <Empty
            title={`No requests in ${window}`}
            command="isthmus load deploy/NAME.NAMESPACE http://SERVICE:PORT/"
          >
            Every pair of clusters that talk to each other has a line here. To see one, send requests:
          </Empty>
        )}
      </section>
    );
  return (
    <section className="card table-card" aria-label="Links">
      <table>
        <thead>
          <tr>
            <th>Link</th>
            <th>Through</th>
            <th className="right">rps</th>
            <th aria-label="over time" />
            <th className="right">p50 ms</th>
            <th className="right">p95 ms</th>
            <th className="right">p99 ms</th>
            <th className="right">Failed, {window}</th>
            <th>mTLS</th>
            <th aria-label="Change" />
          </tr>
        </thead>
        <tbody>
          {links.slice(0, most).map((link) => (
            <Row key={`${link.from} ${link.to}`} link={link} seconds={traffic?.rangeSeconds ?? 60} />
          ))}
        </tbody>
      </table>
      {links.length > most ? (
        <p className="small dimmer" style={{ padding: "8px 12px" }}>
          and {links.length - most} more with fewer requests
        </p>
      ) : null}
    </section>
  );
}

function Row({ link, seconds }: { readonly link: MeshLink; readonly seconds: number }) {
  const {
    from,
    to,
    through,
    crossesNetwork,
    isCut,
    requestsPerSecond,
    failedPerSecond,
    latencyMs,
    mutualTls,
  } = link;
  const failed = Math.round(failedPerSecond * seconds);
  return (
    <tr>
      <td>
        <span className="row">
          <ClusterName name={from} />
          <span className="dimmer">→</span>
          <ClusterName name={to} />
        </span>
      </td>
      <td>
        {isCut ? (
          <span className="row tight fail">
            <Icon name="cut" size={14} />
            cut
          </span>
        ) : through === undefined ? (
          <span className="dimmer">
            {crossesNetwork ? "no gateway" : from === to ? "same cluster" : "same network, direct"}
          </span>
        ) : (
          <span className="row tight">
            <span className="dimmer">
              <Icon name="gateway" size={14} />
            </span>
            <span className="mono">{through}</span>
          </span>
        )}
      </td>
      <td className="right bold">{figure(requestsPerSecond)}</td>
      <td style={{ padding: "0 4px" }}>
        <Sparkline values={link.history} width={96} height={20} />
      </td>
      <td className="right">{latencyMs === undefined ? "–" : milliseconds(latencyMs.p50)}</td>
      <td className="right">{latencyMs === undefined ? "–" : milliseconds(latencyMs.p95)}</td>
      <td className="right">{latencyMs === undefined ? "–" : milliseconds(latencyMs.p99)}</td>
      <td className={`right ${failed > 0 ? "fail bold" : "dim"}`}>{failed.toLocaleString("en")}</td>
      <td>
        <Secured part={mutualTls} />
      </td>
      <td className="right">{from === to ? null : <LinkSwitch link={link} />}</td>
    </tr>
  );
}
