import type { MeshPage } from "../../../src/console/api.ts";
import { duration } from "../format.ts";
import { Icon } from "../icons.tsx";
import { clusterUrl, follow } from "../location.ts";
import { Ago, useNow } from "../parts/age.tsx";
import { ClusterMark } from "../parts/cluster-mark.tsx";
import { clusterTone } from "../parts/cluster-tone.ts";
import { listedViews } from "../views.ts";
import { RunningLoads } from "./running-loads.tsx";

/** What there is to look at, and the clusters with when each was seen last. */
export function Sidebar({
  mesh,
  path,
  onSearch,
}: {
  readonly mesh: MeshPage | undefined;
  readonly path: string;
  readonly onSearch: () => void;
}) {
  return (
    <aside className="sidebar" aria-label="Navigation">
      <div className="brand">
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path
            d="M5.5 4.2a4.3 4.3 0 0 0-4.3 4.4v2.8a4.3 4.3 0 0 0 4.3 4.4c2.6 0 2.9-3.9 4.5-3.9s1.9 3.9 4.5 3.9a4.3 4.3 0 0 0 4.3-4.4V8.6a4.3 4.3 0 0 0-4.3-4.4c-2.6 0-2.9 3.9-4.5 3.9s-1.9-3.9-4.5-3.9z"
            fill="currentColor"
          />
        </svg>
        <span className="clip">{mesh?.name ?? "isthmus"}</span>
      </div>
      <button type="button" className="go-to" onClick={onSearch}>
        <Icon name="search" size={14} />
        <span className="grow">Go to anything</span>
        <kbd>/</kbd>
      </button>
      <nav aria-label="Pages">
        <ul className="pages">
          {listedViews(mesh).map(({ title, path: target, icon, isApart }) => (
            <li key={target} className={isApart === true ? "apart" : undefined}>
              <a href={target} onClick={follow} aria-current={isWithin(path, target) ? "page" : undefined}>
                <Icon name={icon} />
                {title}
                {target === "/checks" && mesh !== undefined ? <Findings {...mesh.findings} /> : null}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div className="group">
        <span>Clusters</span>
        <span>last seen</span>
      </div>
      <ul className="cluster-list">
        {mesh?.clusters.map((cluster) => (
          <li key={cluster.name}>
            <a
              href={clusterUrl(cluster.name)}
              onClick={follow}
              aria-current={path === clusterUrl(cluster.name) ? "page" : undefined}
            >
              <ClusterMark name={cluster.name} />
              <span className="clip">{cluster.name}</span>
              <span className="seen">
                {cluster.lastSeen === undefined ? (
                  "now"
                ) : cluster.lastSeen === 0 ? (
                  "never"
                ) : (
                  <Ago at={cluster.lastSeen} />
                )}
              </span>
              <span className={`dot ${clusterTone(cluster)}`} title={cluster.state} />
              <span className="said">{cluster.state}</span>
            </a>
          </li>
        ))}
      </ul>
      <RunningLoads />
      {mesh === undefined ? null : (
        <footer>
          {mesh.addons
            .filter(({ name }) => name !== "kiali")
            .map(({ cluster, name, url }, i) => (
              <span key={`${cluster} ${name}`}>
                {i === 0 ? "" : " · "}
                <a
                  className="link"
                  href={url}
                  target="_blank"
                  rel="noreferrer"
                  title={`${name} in ${cluster}`}
                >
                  {name}
                </a>
              </span>
            ))}
          {mesh.addons.some(({ name }) => name !== "kiali") ? <br /> : null}
          <Uptime since={mesh.startedAt} /> · {mesh.dataplane === "envoy" ? "Envoy" : "builtin data plane"}
          <br />
          isthmus {mesh.version} · Istio {mesh.istioVersion}
        </footer>
      )}
    </aside>
  );
}

function Uptime({ since }: { readonly since: number }) {
  const now = useNow();
  return <>up {duration(Math.max(10_000, now - since))}</>;
}

function Findings({ errors, warnings }: MeshPage["findings"]) {
  if (errors > 0) return <span className="count fail">{errors}</span>;
  return warnings > 0 ? <span className="count warn">{warnings}</span> : null;
}

function isWithin(path: string, target: string): boolean {
  const isWorkload = path.includes("/workloads/");
  return (
    path === target ||
    (target === "/workloads" && isWorkload) ||
    (target === "/clusters" && !isWorkload && path.startsWith("/clusters/"))
  );
}
