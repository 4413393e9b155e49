import type { ReactNode } from "react";
import type { WorkspaceCondition, WorkspaceRow } from "../../../../src/console/api-fleet.ts";
import { Icon } from "../../icons.tsx";
import { follow } from "../../location.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { Status } from "../../parts/states.tsx";

/** One workspace: its namespaces, what others may use of it, what it uses, and whether that holds. */
export function WorkspaceCard({ workspace }: { readonly workspace: WorkspaceRow }) {
  const { name, exports, exportTo, importFrom, isIsolated, hosts, accepted, enforced, problems } = workspace;
  return (
    <article className="card workspace" aria-label={`workspace ${name}`}>
      <header>
        <h2>{name}</h2>
        {isIsolated ? (
          <span className="pill">
            <Icon name="lock" size={12} /> isolated
          </span>
        ) : null}
        <span className="grow" />
        <Condition of={accepted} yes="accepted" no="can't hold" />
        <Condition of={enforced} yes="enforced" no="not enforced" />
      </header>
      <dl className="facts wide lines">
        <Fact name="Namespaces">
          <Namespaces workspace={workspace} />
        </Fact>
        <Fact name="Who may call">
          {isIsolated
            ? exportTo.length === 0
              ? "its own namespaces alone"
              : "its own namespaces and workspaces that import it"
            : "everybody"}
        </Fact>
        <Fact name="Exports">
          {exports === undefined ? (
            <span className="dimmer">
              {exportTo.length === 0
                ? "nothing"
                : "everything in its namespaces; no names for other clusters"}
            </span>
          ) : exports.length === 0 ? (
            <span className="dimmer">nothing</span>
          ) : (
            exports.map((one) => (
              <code key={one} className="tag">
                {one === "*" ? "* every service" : one}
              </code>
            ))
          )}
        </Fact>
        <Fact name="Exported to">
          <Names names={exportTo} none="no workspace" />
        </Fact>
        <Fact name="Imports from">
          <Names names={importFrom} none="no workspace" />
        </Fact>
        {hosts.length === 0 ? null : (
          <Fact name="Hosts">
            {hosts.map((host) => (
              <code key={host} className="tag">
                {host}
              </code>
            ))}
          </Fact>
        )}
        {problems.length === 0 ? null : (
          <Fact name="Problems">
            <ul className="column" style={{ gap: 4 }}>
              {problems.map(({ severity, reason, message }) => (
                <li key={`${reason} ${message}`} className="row">
                  <Status tone={severity === "error" ? "fail" : "warn"}>{severity}</Status>
                  <span>
                    {message} <code className="dimmer">{reason}</code>
                  </span>
                </li>
              ))}
            </ul>
          </Fact>
        )}
      </dl>
    </article>
  );
}

function Namespaces({ workspace: { namespaces, missing } }: { readonly workspace: WorkspaceRow }) {
  if (namespaces.length === 0 && missing.length === 0) return <span className="dimmer">none</span>;
  return (
    <>
      {namespaces.map(({ cluster, names }) => (
        <span key={cluster} className="row tight" title={`in ${cluster}`}>
          {cluster === "*" ? (
            <span className="dim">every cluster</span>
          ) : (
            <>
              <ClusterMark name={cluster} />
              <span className="dim">{cluster}</span>
            </>
          )}
          {names.map((name) => (
            <a
              key={name}
              className="link"
              href={`/workloads?${cluster === "*" ? "" : `cluster=${cluster}&`}ns=${name}`}
              onClick={follow}
              data-row
            >
              {name}
            </a>
          ))}
        </span>
      ))}
      {missing.map(({ cluster, name }) => (
        <span key={`${cluster}/${name}`} className="warn">
          {name} {cluster === "*" ? "in no cluster yet" : `not in ${cluster} yet`}
        </span>
      ))}
    </>
  );
}

function Names({ names, none }: { readonly names: readonly string[]; readonly none: string }) {
  if (names.length === 0) return <span className="dimmer">{none}</span>;
  return names.map((name) => (
    <span key={name} className="tag">
      {name}
    </span>
  ));
}

function Condition({
  of: { status, reason, message },
  yes,
  no,
}: {
  readonly of: WorkspaceCondition;
  readonly yes: string;
  readonly no: string;
}) {
  const [tone, word] = (
    {
      True: ["ok", yes],
      False: ["fail", no],
      Unknown: ["stale", `${yes}: not known`],
      Pending: ["warn", `${yes}: not yet`],
    } as const
  )[status];
  return (
    <span title={message ?? reason}>
      <Status tone={tone}>{word}</Status>
    </span>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="tags">{children}</dd>
    </div>
  );
}
