import { checks } from "./checks.ts";
import type { CheckedMesh, Finding, MeshView, Severity } from "./contracts.ts";
import { istioCodes } from "./istio-codes.ts";
import { isSuppressed } from "./suppression.ts";
import { isRead, readCluster } from "./view/read-cluster.ts";

/** Everything that is wrong with the mesh, worst first. A cluster that can't be read is a finding itself; never rejects. */
export async function checkMesh({ clusters, ...rest }: CheckedMesh): Promise<readonly Finding[]> {
  const answers = await Promise.all(clusters.map(readCluster));
  return findingsOf(
    {
      ...rest,
      clusters: answers.filter(isRead),
      unread: answers.flatMap((one) => (isRead(one) ? [] : [one])),
    },
    { isRunning: true },
  );
}

export interface FindOptions {
  /** Whether the clusters run, so that what they say of themselves counts. */
  readonly isRunning: boolean;
  /** What was found before, while the view was made. */
  readonly before?: readonly Finding[];
}

/** What all checks find, worst first; without what its object's annotation says to leave out. */
export function findingsOf(mesh: MeshView, { isRunning, before = [] }: FindOptions): readonly Finding[] {
  const found = checks
    .filter(({ needsRunning }) => isRunning || needsRunning === undefined)
    .flatMap(({ find }) => find(mesh));
  return [...before, ...found]
    .map((finding) => {
      const istioCode = istioCodes[finding.code];
      return istioCode === undefined ? finding : { ...finding, istioCode };
    })
    .filter((finding) => !isSuppressed(finding, mesh))
    .sort((a, b) => rank[a.severity] - rank[b.severity]);
}

const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };
