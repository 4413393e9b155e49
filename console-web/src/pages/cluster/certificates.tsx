import type { SourceAuthority } from "../../../../src/console/api.ts";
import type { ClusterPage } from "../../../../src/console/api-fleet.ts";
import { shortFingerprint } from "../../format.ts";
import { follow } from "../../location.ts";
import { Empty } from "../../parts/states.tsx";
import { Until } from "../../parts/until.tsx";

/** What the certificates of the cluster's workloads hang on, and whom they believe. */
export function Certificates({ page: { trust, cluster } }: { readonly page: ClusterPage }) {
  if (trust === undefined)
    return (
      <section className="card" aria-label="Certificates">
        <Empty title="No certificates">
          {cluster.role === "management"
            ? "No workload of the mesh runs in a management cluster, so nothing is signed here."
            : "Nothing is signed here yet."}
        </Empty>
      </section>
    );
  const { domain, root, intermediate, believed } = trust;
  const others = believed.filter(({ fingerprint }) => fingerprint !== root.fingerprint);
  const isRootItself = intermediate.fingerprint === root.fingerprint;
  return (
    <section className="card table-card" aria-label="Certificates">
      <header>
        <h2 className="grow">Certificates</h2>
        <span className="dimmer clip">
          <code>spiffe://{domain}</code>
        </span>
        <a className="button" href="/trust" onClick={follow}>
          Trust of all
        </a>
      </header>
      <table>
        <thead>
          <tr>
            <th>What</th>
            <th>Fingerprint</th>
            <th>Good</th>
          </tr>
        </thead>
        <tbody>
          {isRootItself ? null : <Row what="Intermediate, signs" authority={intermediate} />}
          <Row what={isRootItself ? "Root, signs itself" : "Root"} authority={root} />
          {others.map((authority) => (
            <Row key={authority.fingerprint} what="Root, believed" authority={authority} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ what, authority }: { readonly what: string; readonly authority: SourceAuthority }) {
  const { fingerprint, subject, notAfter } = authority;
  return (
    <tr>
      <td title={subject}>{what}</td>
      <td>
        <code title={fingerprint}>{shortFingerprint(fingerprint)}</code>
      </td>
      <td>
        <Until at={notAfter} />
      </td>
    </tr>
  );
}
