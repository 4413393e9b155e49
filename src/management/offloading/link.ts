import type { Clock, Logger, Signal } from "../../base/index.ts";
import {
  type EventRecorder,
  isWantedNode,
  matchesNodeSelectorTerm,
  type NamespaceOffloading,
  type Node,
  type Pod,
  type VirtualNode,
} from "../../kube/index.ts";
import type { OffloadingCluster } from "./contracts.ts";
import { isFrom, offloadingName, remoteClusterLabel } from "./marks.ts";
import type { PodRoute } from "./remote-pod.ts";
import type { HomeWatch, ProviderWatch } from "./watch-clusters.ts";
import type { Reach } from "./watch-reach.ts";

/** One cluster that places pods on another, and everything that is known of both. */
export interface Link {
  readonly home: OffloadingCluster;
  readonly provider: OffloadingCluster;
  readonly at: HomeWatch;
  readonly there: ProviderWatch;
  /** Of the provider. */
  readonly reach: Reach;
  /** Events at home. */
  readonly events: EventRecorder;
  /** Told when a namespace's standing may have changed. */
  readonly namespaceChanges: Signal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Who events about offloading come from. */
export const component = "virtual-kubelet";

/** The VirtualNode of the provider; undefined when there is no peering (any more). Of several the first by name counts. */
export function virtualNodeOf({ at, provider }: Link): VirtualNode | undefined {
  return at.virtualNodes
    .list()
    .filter(
      ({ metadata, spec }) => spec?.clusterID === provider.name && metadata.deletionTimestamp === undefined,
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0];
}

/** The node at home that stands for the provider, there as long as pods are bound to it. */
export function nodeOf(link: Link): Node | undefined {
  return link.at.nodes.list().find((node) => isNodeOf(node, link.provider.name));
}

export function isNodeOf({ metadata }: Node, provider: string): boolean {
  return metadata.labels?.[remoteClusterLabel] === provider;
}

/** Whether the pod at home is bound to the provider. */
export function isBound(link: Link, { spec }: Pod): boolean {
  const { nodeName = "" } = spec;
  if (nodeName === "") return false;
  const node = link.at.nodes.get(nodeName);
  return node === undefined
    ? nodeName === virtualNodeOf(link)?.metadata.name
    : isNodeOf(node, link.provider.name);
}

export function routeOf(link: Link, node: string): PodRoute {
  const patch = virtualNodeOf(link)?.spec?.offloadingPatch;
  return {
    home: link.home.name,
    provider: link.provider.name,
    node,
    ...(patch === undefined ? {} : { patch }),
  };
}

/** How a namespace of the home cluster stands in the provider. */
export type NamespaceStanding =
  /** It is not offloaded there. */
  | { readonly kind: "none" }
  /** It is to be, and not there yet. */
  | { readonly kind: "awaited" }
  | { readonly kind: "ready" }
  /** It can't be; `message` says why. */
  | { readonly kind: "refused"; readonly reason: string; readonly message: string };

export function namespaceStanding(link: Link, namespace: string): NamespaceStanding {
  const { home, provider, at, there } = link;
  const offloading = at.offloadings.get(offloadingName, namespace);
  const own = at.namespaces.get(namespace);
  const node = nodeOf(link);
  if (
    virtualNodeOf(link) === undefined ||
    node === undefined ||
    offloading === undefined ||
    offloading.metadata.deletionTimestamp !== undefined ||
    own?.metadata.deletionTimestamp !== undefined ||
    !selects(offloading, node)
  )
    return { kind: "none" };
  const mapping = offloading.spec.namespaceMappingStrategy ?? "DefaultName";
  const sameName = offloading.spec.remoteNamespaceName === namespace && mapping === "SelectedName";
  if (mapping !== "EnforceSameName" && !sameName)
    return {
      kind: "refused",
      reason: "MappingNotSupported",
      message: `namespaceMappingStrategy ${mapping} would give ${namespace} another name in ${provider.name}, where Services must have the same: use EnforceSameName`,
    };
  const present = there.namespaces.get(namespace);
  if (present === undefined || present.metadata.deletionTimestamp !== undefined) return { kind: "awaited" };
  if (isFrom(present, home.name)) return { kind: "ready" };
  return {
    kind: "refused",
    reason: "NamespaceExists",
    message: `namespace ${namespace} of ${provider.name} was not made for ${home.name}: with EnforceSameName it can't have the pods of another`,
  };
}

/** Whether the clusterSelector of the offloading takes in the node; without terms it takes in all. */
export function selects({ spec }: NamespaceOffloading, node: Node): boolean {
  const terms = spec.clusterSelector?.nodeSelectorTerms ?? [];
  return terms.length === 0 || terms.some((term) => matchesNodeSelectorTerm(term, node));
}

/** Whether nothing but nodes of other clusters would do for the pod. */
export function wantsOnly(pod: Pod, node: Node, others: readonly Node[]): boolean {
  return isWantedNode(pod, node) && !others.some((other) => isWantedNode(pod, other));
}
