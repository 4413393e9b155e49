import { type KubeObject, type ObjectMeta, originLabel } from "../../kube/index.ts";

/*
 * Labels, annotations and taints by which offloaded objects are known. Names in liqo.io are Liqo's own, so that its users
 * find what they look for.
 */

export { nodeTypeLabel, originLabel, remoteClusterLabel, virtualNodeType } from "../../kube/index.ts";

/** On what was made in a provider: the cluster that it was made in. Its origin is beside it. */
export const destinationLabel = "offloading.liqo.io/destination";
/** On a reflected pod: the virtual node that it is bound to at home. */
export const homeNodeLabel = "offloading.liqo.io/nodename";
/** On a reflected pod: the uid of the pod at home. */
export const homeUidAnnotation = "isthmus.dev/home-uid";

/** Keeps pods off virtual nodes that were not meant for them. */
export const virtualNodeTaint = {
  key: "virtual-node.liqo.io/not-allowed",
  value: "true",
  effect: "NoExecute",
} as const;

/** On a namespace at home whose pods may be placed elsewhere. */
export const schedulingLabel = "liqo.io/scheduling-enabled";
/** Name of the NamespaceOffloading of a namespace; Liqo takes no other. */
export const offloadingName = "offloading";

/** The labels of everything that `home` has in `provider`. */
export function reflectionLabels(home: string, provider: string): Readonly<Record<string, string>> {
  return { [originLabel]: home, [destinationLabel]: provider };
}

/** Whether `home` made the object. */
export function isFrom({ metadata }: KubeObject, home: string): boolean {
  return metadata.labels?.[originLabel] === home;
}

/** Labels and annotations of an object at home that go with it: what is about tools of the home cluster stays there. */
export function reflectedMetadata(
  { labels, annotations }: Pick<ObjectMeta, "labels" | "annotations">,
  marks: Readonly<Record<string, string>>,
): {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
} {
  const { "kubectl.kubernetes.io/last-applied-configuration": _, ...others } = annotations ?? {};
  return { labels: { ...labels, ...marks }, annotations: others };
}
