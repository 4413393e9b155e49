import { Component, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import type { MeshPage } from "../../src/console/api.ts";
import { parseRange } from "./format.ts";
import { useConnection, useLive } from "./live.ts";
import { navigate, useLocation } from "./location.ts";
import { ClusterLooks, clusterLooks } from "./parts/cluster-mark.tsx";
import { Empty, Failure, Skeleton } from "./parts/states.tsx";
import { Keyboard } from "./shell/keyboard.tsx";
import { Sidebar } from "./shell/sidebar.tsx";
import { Token } from "./shell/token.tsx";
import { findView } from "./views.ts";

const defaultRange = 60;

/** The whole console: its frame, and the view that the address names. */
export function App() {
  const { path, query } = useLocation();
  const connection = useConnection();
  const range = parseRange(query.get("range") ?? "") ?? defaultRange;
  const mesh = useLive<MeshPage>(`/api/mesh?range=${range}`);
  const found = findView(path);
  const [isSearching, setSearching] = useState(false);

  useEffect(() => {
    if (path === "/" || path === "/kiali" || path.startsWith("/kiali/"))
      navigate(path === "/" ? "/mesh" : "/traffic", { replace: true });
  }, [path]);
  useEffect(() => {
    const name = mesh.body?.name ?? "isthmus";
    document.title = found === undefined ? name : `${found.view.title} · ${name}`;
  }, [found, mesh.body?.name]);
  const looks = useMemo(
    () =>
      clusterLooks(
        (mesh.body?.clusters ?? []).map(({ name, lastSeen }) => ({ name, isAway: lastSeen !== undefined })),
      ),
    [mesh.body?.clusters],
  );

  if (connection.state === "refused") return <Token />;
  const Page = found?.view.page;
  return (
    <ClusterLooks value={looks}>
      <div className="shell">
        <Sidebar mesh={mesh.body} path={path} onSearch={() => setSearching(true)} />
        <main>
          <Broken key={path}>
            <Suspense fallback={<Waiting />}>
              {Page === undefined || found === undefined ? (
                <Empty title="There is no such page">The address may be of an older isthmus.</Empty>
              ) : (
                <Page names={found.names} range={range} />
              )}
            </Suspense>
          </Broken>
        </main>
      </div>
      <Keyboard mesh={mesh.body} isSearching={isSearching} setSearching={setSearching} />
    </ClusterLooks>
  );
}

function Waiting() {
  return (
    <div className="page">
      <Skeleton height={86} />
      <Skeleton height={320} />
    </div>
  );
}

/** A page that breaks takes nothing else with it. */
class Broken extends Component<{ readonly children: ReactNode }, { readonly reason?: Error }> {
  override state: { readonly reason?: Error } = {};

  static getDerivedStateFromError(reason: Error) {
    return { reason };
  }

  override render() {
    const { reason } = this.state;
    if (reason === undefined) return this.props.children;
    return (
      <div className="page">
        <Failure
          failure={{
            code: "console/page",
            message: `This page broke: ${reason.message}`,
            nextStep: "Load it again; a bug report with these words helps.",
          }}
        />
      </div>
    );
  }
}
