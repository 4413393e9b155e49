import type { WorkspaceRow, WorkspacesPage } from "../../../../src/console/api-fleet.ts";
import { count } from "../../format.ts";
import { useLive } from "../../live.ts";
import { useQuery } from "../../location.ts";
import { TextFilter } from "../../parts/filter.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Away, Empty } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import { MeshTable } from "./mesh-table.tsx";
import { RegistrationTable } from "./registration-table.tsx";
import { WorkspaceCard } from "./workspace-card.tsx";

/** Who shares which namespaces with whom, does it hold, and which meshes is it about? */
export function Workspaces() {
  const { body, failure } = useLive<WorkspacesPage>("/api/workspaces");
  return (
    <>
      <Top title="Workspaces" summary={body === undefined ? "" : summaryOf(body)} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[200, 160]}>
          {(body) => (
            <>
              {body.away.map((one) => (
                <Away key={one.cluster} {...one} />
              ))}
              {body.managers.length === 0 ? (
                <section className="card">
                  <Empty title="This mesh has no management cluster">
                    Workspaces are kept on a cluster of the role <code>management</code>. With one they are
                    listed here.
                  </Empty>
                </section>
              ) : (
                <>
                  <WorkspaceList workspaces={body.workspaces} />
                  <MeshTable meshes={body.meshes} />
                  <RegistrationTable registrations={body.registrations} />
                </>
              )}
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function WorkspaceList({ workspaces }: { readonly workspaces: readonly WorkspaceRow[] }) {
  const [text = ""] = useQuery("q");
  const found = workspaces.filter((one) => holds(one, text));
  if (workspaces.length === 0)
    return (
      <section className="card">
        <Empty title="No workspaces yet">
          A workspace is a team's share of the fleet: namespaces over clusters, with what others may use of
          them. Write them under <code>workspaces</code> in the mesh file, or apply a Workspace to the
          management cluster.
        </Empty>
      </section>
    );
  return (
    <>
      <div className="row">
        <TextFilter label="Name, namespace" />
      </div>
      {found.length === 0 ? (
        <section className="card">
          <Empty title="No workspace is like this">Widen the filter above.</Empty>
        </section>
      ) : (
        found.map((one) => <WorkspaceCard key={`${one.manager}/${one.name}`} workspace={one} />)
      )}
    </>
  );
}

function holds({ name, namespaces }: WorkspaceRow, text: string): boolean {
  const all = [name, ...namespaces.flatMap((one) => one.names)].join(" ").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function summaryOf({ managers, workspaces, meshes, registrations }: WorkspacesPage): string {
  if (managers.length === 0) return "";
  const wrong = workspaces.filter(
    ({ accepted, enforced }) => accepted.status === "False" || enforced.status === "False",
  ).length;
  return [
    count(workspaces.length, "workspace"),
    wrong > 0 ? `${wrong} not as declared` : "",
    `${count(meshes.length, "mesh", "meshes")} in ${count(registrations.length, "registered cluster")}`,
    `kept on ${managers.join(", ")}`,
  ]
    .filter(Boolean)
    .join(", ");
}
