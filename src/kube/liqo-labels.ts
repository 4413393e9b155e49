import type { KubeObject } from "./object.ts";

/** On what one cluster has made in another by offloading: the cluster whose object it stands for. */
export const originLabel = "offloading.liqo.io/origin";

/** On the node that stands for another cluster: what it is, and for which one. */
export const nodeTypeLabel = "liqo.io/type";
export const virtualNodeType = "virtual-node";
export const remoteClusterLabel = "liqo.io/remote-cluster-id";

/** Whether an object stands for one of another cluster. */
export function isReflected({ metadata }: KubeObject): boolean {
  return metadata.labels?.[originLabel] !== undefined;
}

/** Whether a node stands for another cluster. */
export function isVirtualNode({ metadata }: KubeObject): boolean {
  return metadata.labels?.[nodeTypeLabel] === virtualNodeType;
}

/** The cluster that a virtual node stands for; undefined for a node of its own cluster. */
export function remoteClusterOf(node: KubeObject): string | undefined {
  const { labels, name } = node.metadata;
  return isVirtualNode(node) ? (labels?.[remoteClusterLabel] ?? name) : undefined;
}
