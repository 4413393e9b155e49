import type { SourceProxy } from "../../../../src/console/api-fleet.ts";
import { follow } from "../../location.ts";
import { proxyWord } from "../../parts/proxy-status.tsx";
import { Status } from "../../parts/states.tsx";

/** More are not read; those with trouble come first. */
const mostShown = 40;

/** The proxies of a cluster, and how each stands with its control plane. */
export function ProxyTable({
  cluster,
  proxies,
}: {
  readonly cluster: string;
  readonly proxies: readonly SourceProxy[];
}) {
  if (proxies.length === 0) return null;
  return (
    <section className="card table-card" aria-label="Proxies">
      <table>
        <thead>
          <tr>
            <th>Proxy</th>
            <th>Namespace</th>
            <th>State</th>
            <th>Served by</th>
          </tr>
        </thead>
        <tbody>
          {proxies.slice(0, mostShown).map(({ namespace, pod, state, rejections = {}, istiod }) => {
            const refused = Object.entries(rejections).map(([type, why]) => `${type}: ${why}`);
            const [tone, word] = proxyWord(state, refused.length > 0);
            return (
              <tr key={`${namespace}/${pod}`}>
                <td className="mono">{pod}</td>
                <td className="dim">{namespace}</td>
                <td title={refused.join("\n")}>
                  <Status tone={tone}>{word}</Status>
                </td>
                <td className="dim">{istiod ?? "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {proxies.length > mostShown ? (
        <p className="small dimmer" style={{ padding: "8px 12px" }}>
          and {proxies.length - mostShown} more, in no worse state.{" "}
          <a className="link" href={`/workloads?cluster=${cluster}&show=all`} onClick={follow}>
            Its workloads
          </a>{" "}
          say it of each.
        </p>
      ) : null}
    </section>
  );
}
