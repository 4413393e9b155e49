import type { Node } from "../../kube/index.ts";

const regionLabel = "topology.kubernetes.io/region";
const zoneLabel = "topology.kubernetes.io/zone";

/** A node's region and zone, as requests are kept in them: "north/a", "/a"; "/" when its labels name neither. */
export function localityOf({ metadata: { labels = {} } }: Node): string {
  return `${labels[regionLabel] ?? ""}/${labels[zoneLabel] ?? ""}`;
}
