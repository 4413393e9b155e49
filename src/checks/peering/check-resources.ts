import { compareQuantities, parseQuantity, type ResourceSlice } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";

/** Resources that were asked of a provider and that it grants only in part, or not at all. */
export const checkGrantedResources: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => cluster.resourceSlices.flatMap((object) => checkOne(object, cluster)));

function checkOne(object: ResourceSlice, cluster: ClusterView): Finding[] {
  const { resources: granted, conditions = [] } = object.status ?? {};
  const provider = object.spec?.providerClusterID ?? object.metadata.name;
  const denied = conditions.find(({ type, status }) => type === "Resources" && status === "Denied");
  const less = Object.entries(object.spec?.resources ?? {}).filter(
    ([name, wanted]) => granted !== undefined && isLess(granted[name] ?? 0, wanted),
  );
  const [first] = less;
  if (denied === undefined && first === undefined) return [];
  const gets = less.map(([name, wanted]) => `${granted?.[name] ?? 0} of ${wanted} ${name}`).join(", ");
  return [
    findingAbout(cluster, object, "status.resources", {
      code: "peering/resources-capped",
      severity: "warning",
      effect: `pods beyond what ${provider} grants stay Pending`,
      cause: denied?.message ?? `${provider} grants ${gets}: it has no more`,
      seen: denied === undefined ? gets : `Resources is Denied: ${denied.reason ?? "without a reason"}`,
      fix: `ask for less in the peering's resources, or give ${provider} more`,
    }),
  ];
}

function isLess(granted: string | number, wanted: string | number): boolean {
  const [a, b] = [parseQuantity(granted), parseQuantity(wanted)];
  return a !== undefined && b !== undefined && compareQuantities(a, b) < 0;
}
