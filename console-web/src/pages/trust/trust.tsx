import type { TrustPage } from "../../../../src/console/api.ts";
import { count, shortFingerprint } from "../../format.ts";
import { useLive } from "../../live.ts";
import { ClusterMark, ClusterName } from "../../parts/cluster-mark.tsx";
import { CopyButton } from "../../parts/copyable.tsx";
import { FirstFew } from "../../parts/first-few.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Until } from "../../parts/until.tsx";
import { PageBody, Top } from "../../shell/top.tsx";

/** Who signs what, how long is it good, and who believes whom? */
export function Trust() {
  const { body, failure } = useLive<TrustPage>("/api/trust");
  const clusters = body?.clusters ?? [];
  const roots = new Map(
    clusters.flatMap(({ believed }) => believed.map((root) => [root.fingerprint, root] as const)),
  );
  const signing = new Set(clusters.map(({ root }) => root.fingerprint));
  return (
    <>
      <Top
        title="Trust"
        summary={
          body === undefined
            ? ""
            : `${roots.size === 1 ? "one root" : count(roots.size, "root")} for ${body.trustDomain}`
        }
      />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[320]}>
          {(body) => (
            <>
              {[...roots.values()].map((root) => (
                <section key={root.fingerprint} className="card">
                  <header>
                    <h2>Root</h2>
                    <span className="dimmer clip grow">{root.subject}</span>
                    {signing.has(root.fingerprint) ? null : (
                      <span className="dimmer">believed, signs nothing</span>
                    )}
                    <Until at={root.notAfter} />
                  </header>
                  <p className="row" style={{ padding: "10px 16px" }}>
                    <code className="clip">{root.fingerprint}</code>
                    <CopyButton text={root.fingerprint} label="Copy the fingerprint" />
                  </p>
                </section>
              ))}
              <section className="card table-card" aria-label="Authorities of the clusters">
                <table>
                  <thead>
                    <tr>
                      <th>Cluster</th>
                      <th>Signs with</th>
                      <th>Fingerprint</th>
                      <th>Under the root</th>
                      <th className="right">Proxies</th>
                      <th>Believed by</th>
                      <th>Good</th>
                    </tr>
                  </thead>
                  <tbody>
                    {body.clusters.map(({ cluster, root, intermediate, proxies, believedBy }) => (
                      <tr key={cluster}>
                        <td>
                          <ClusterName name={cluster} />
                        </td>
                        <td className="dim">
                          {intermediate.fingerprint === root.fingerprint
                            ? "the root itself"
                            : intermediate.subject}
                        </td>
                        <td>
                          <code title={intermediate.fingerprint}>
                            {shortFingerprint(intermediate.fingerprint)}
                          </code>
                        </td>
                        <td>
                          <code title={root.fingerprint}>{shortFingerprint(root.fingerprint)}</code>
                        </td>
                        <td className="right">{proxies}</td>
                        <td>
                          <FirstFew
                            isTight
                            items={believedBy.map((name) => (
                              <span key={name} title={name}>
                                <ClusterMark name={name} />
                                <span className="said">{name}</span>
                              </span>
                            ))}
                          />
                        </td>
                        <td>
                          <Until at={intermediate.notAfter} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </section>
              <p className="small dimmer">
                Workloads prove who they are with certificates for{" "}
                <code>
                  spiffe://{body.trustDomain.includes(",") ? "TRUST-DOMAIN" : body.trustDomain}
                  /ns/NAMESPACE/sa/ACCOUNT
                </code>
                , signed by their cluster's authority. A cluster believes another one when it holds that one's
                root; while the root is replaced, all hold the old and the new one. Keys never leave their
                owners, and are shown nowhere.
              </p>
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}
