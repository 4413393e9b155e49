import type { ForeignCluster, ForeignClusterCondition } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";

/** What conditions say of a part that is as it should be, or that is not wanted. */
const fine: readonly string[] = ["Established", "Ready", "None"];

/** Providers that their consumer does not reach, or whose peering is not complete. */
export const checkPeerings: Find = ({ clusters, unread }) =>
  clusters.flatMap((cluster) =>
    cluster.foreignClusters
      // Whose own API does not answer is told already.
      .filter(({ spec }) => !unread.some(({ name }) => name === spec.clusterID))
      .flatMap((object) => checkOne(object, cluster)),
  );

function checkOne(object: ForeignCluster, cluster: ClusterView): Finding[] {
  const { role, conditions = [], modules } = object.status ?? {};
  if (role !== "Provider" && role !== "ConsumerAndProvider") return [];
  const all: readonly ForeignClusterCondition[] = [
    ...conditions,
    ...Object.values(modules ?? {}).flatMap(({ enabled, conditions: own = [] }) => (enabled ? own : [])),
  ];
  const open = all.find(({ status }) => !fine.includes(status));
  if (open === undefined) return [];
  const provider = object.spec.clusterID;
  return [
    findingAbout(cluster, object, "status", {
      code: "peering/incomplete",
      severity: "error",
      effect: `${cluster.name} can't place pods on ${provider}; those that run there go on, and are not seen`,
      cause: open.message ?? `${open.type} is ${open.status}`,
      seen: `${open.type} is ${open.status}`,
      fix: `see why kubectl --context ${provider} get nodes gets no answer, or kubectl --context ${cluster.name} get foreigncluster ${provider} -o yaml`,
    }),
  ];
}
