import type { MeshPage } from "../../../../src/console/api.ts";
import { count, rangeText } from "../../format.ts";
import { useLive } from "../../live.ts";
import { Loaded } from "../../parts/loaded.tsx";
import { Away } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";
import { Figures } from "./figures.tsx";
import { LinkTable } from "./link-table.tsx";
import { mostOnMap } from "./map-layout.ts";
import { MeshMap } from "./mesh-map.tsx";
import { MeshMatrix } from "./mesh-matrix.tsx";
import { Peerings } from "./peerings.tsx";
import { RootOfTrust } from "./root-of-trust.tsx";

/** Are my clusters one mesh? */
export function Mesh({ range }: PageProps) {
  const { body, failure } = useLive<MeshPage>(`/api/mesh?range=${range}`);
  const isSmall = (body?.clusters.length ?? 0) <= mostOnMap;
  return (
    <>
      <Top title="Mesh" summary={body === undefined ? "" : summaryOf(body)} range={range} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[86, 332, 160]}>
          {(body) => (
            <>
              {body.clusters
                .filter(({ lastSeen, state }) => lastSeen !== undefined && state !== "stopped")
                .map(({ name, lastSeen = 0, waitingFor = "" }) => (
                  <Away key={name} cluster={name} since={lastSeen} reason={waitingFor} />
                ))}
              <Figures mesh={body} />
              {isSmall ? <MeshMap mesh={body} /> : <MeshMatrix mesh={body} />}
              <Peerings mesh={body} />
              <RootOfTrust mesh={body} />
              <LinkTable mesh={body} range={rangeText(range)} />
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

/** "2 clusters, primary-remote over 2 networks" */
function summaryOf({ clusters }: MeshPage): string {
  const networks = new Set(clusters.flatMap(({ network }) => (network === undefined ? [] : [network])));
  const remotes = clusters.filter(({ name, primary }) => name !== primary).length;
  const planes = clusters.filter(({ hasControlPlane }) => hasControlPlane).length;
  const topology =
    remotes === 0 ? "each with its control plane" : planes === 1 ? "primary-remote" : "multi-primary";
  const where =
    networks.size === 0
      ? "on one flat network"
      : networks.size === 1
        ? "on one network"
        : `over ${networks.size} networks`;
  return `${count(clusters.length, "cluster")}, ${topology} ${where}`;
}
