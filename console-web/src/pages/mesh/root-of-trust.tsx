import type { MeshPage } from "../../../../src/console/api.ts";
import { duration, shortFingerprint } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { useNow } from "../../parts/age.tsx";
import { ClusterMark } from "../../parts/cluster-mark.tsx";

const soon = 30 * 24 * 3600 * 1000;

/** What makes the clusters believe each other: one root, an intermediate each. */
export function RootOfTrust({ mesh }: { readonly mesh: MeshPage }) {
  const now = useNow();
  const { root, isOneRoot, trustDomain, clusters } = mesh;
  if (root === undefined) return null;
  const ends = [
    ...new Set(clusters.map(({ intermediate }) => intermediate?.notAfter).filter((at) => at !== undefined)),
  ];
  const first = Math.min(...ends);
  const until = (at: number) => (at < now ? "has expired" : `expires in ${duration(at - now)}`);
  const tone = (at: number) => (at < now ? "fail" : at - now < soon ? "warn" : "dimmer");
  return (
    <section className="card trust" aria-label="Trust">
      <Icon name="trust" />
      {isOneRoot ? (
        <>
          <b className="bold">One root</b>
          <code title={root.fingerprint}>{shortFingerprint(root.fingerprint)}</code>
          <span className={tone(root.notAfter)}>
            {trustDomain} · {until(root.notAfter)}
          </span>
        </>
      ) : (
        <b className="bold fail">The clusters have different roots: they do not believe each other</b>
      )}
      <span className="grow" />
      <span className="row tight">
        {clusters.slice(0, 20).map(({ name, intermediate }) =>
          intermediate === undefined ? null : (
            <span key={name} title={`intermediate of ${name}: ${until(intermediate.notAfter)}`}>
              <ClusterMark name={name} />
            </span>
          ),
        )}
      </span>
      {Number.isFinite(first) ? (
        <span className={tone(first)}>
          {clusters.length === 1 ? "its intermediate" : "intermediates, the first"} {until(first)}
        </span>
      ) : null}
    </section>
  );
}
