import { type ForeignCluster, openConditions } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";

/** Providers that their consumer does not reach, or whose peering is not complete. */
export const checkPeerings: Find = ({ clusters, unread }) =>
  clusters.flatMap((cluster) =>
    cluster.foreignClusters
      // Whose own API does not answer is told already.
      .filter(({ spec }) => !unread.some(({ name }) => name === spec.clusterID))
      .flatMap((object) => checkOne(object, cluster)),
  );

function checkOne(object: ForeignCluster, cluster: ClusterView): Finding[] {
  const role = object.status?.role;
  if (role !== "Provider" && role !== "ConsumerAndProvider") return [];
  const [open] = openConditions(object);
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
