import { isVirtualNode, type Node } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { localityOf } from "./localities.ts";

/** Virtual nodes that are in no other place than the consumer's own nodes, as far as labels say. */
export const checkLocalities: Find = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.nodes.filter(isVirtualNode).flatMap((virtual) => checkOne(virtual, cluster)),
  );

function checkOne(virtual: Node, cluster: ClusterView): Finding[] {
  const own = cluster.nodes.filter((node) => !isVirtualNode(node));
  const unnamed = [virtual, ...own].filter((node) => localityOf(node) === "/");
  const same = own.filter((node) => localityOf(node) === localityOf(virtual));
  if (unnamed.length === 0 && same.length === 0) return [];
  const provider = virtual.metadata.name;
  const concerned = unnamed.length > 0 ? unnamed : [virtual, ...same];
  const names = concerned.map(({ metadata }) => metadata.name);
  const cause =
    unnamed.length > 0
      ? `${listed(names)} ${names.length === 1 ? "has" : "have"} neither region nor zone`
      : `${listed(names)} are all in ${localityOf(virtual).replace(/^\//, "zone ")}`;
  return [
    {
      code: "locality/nothing-to-prefer",
      severity: "warning",
      cluster: cluster.name,
      objects: concerned.map((node) => reference(cluster, node, "metadata.labels")),
      effect: `requests are spread over the pods of ${cluster.name} and ${provider}: locality load balancing has nothing to prefer`,
      cause,
      evidence: [
        kubectl(
          cluster.name,
          "get nodes -L topology.kubernetes.io/region,topology.kubernetes.io/zone",
          concerned.map((node) => `${node.metadata.name} ${localityOf(node)}`).join(", "),
        ),
      ],
      fix: "give each cluster a zone of its own in the mesh file, or label its nodes",
    },
  ];
}
