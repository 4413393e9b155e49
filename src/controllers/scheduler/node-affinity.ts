import { matchesLabels, meetsRequirement, type Node, type Pod } from "../../kube/index.ts";

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

interface NodeSelectorTerm {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

interface NodeAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: {
    readonly nodeSelectorTerms?: readonly NodeSelectorTerm[];
  };
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly weight: number;
    readonly preference: NodeSelectorTerm;
  }[];
}

/** Whether the node is one that the pod's nodeSelector and required node affinity allow. */
export function isWantedNode(pod: Pod, node: Node): boolean {
  if (!matchesLabels(pod.spec.nodeSelector ?? {}, node.metadata.labels)) return false;
  const required = nodeAffinity(pod)?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
}

/** The weights of the pod's node preferences that this node meets. */
export function preferenceFor(pod: Pod, node: Node): number {
  return (nodeAffinity(pod)?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    .filter(({ preference }) => matchesTerm(preference, node))
    .reduce((sum, { weight }) => sum + weight, 0);
}

/** PodSpec leaves affinity open; its node part has this form in Kubernetes' schema. */
function nodeAffinity({ spec }: Pod): NodeAffinity | undefined {
  return (spec.affinity as { readonly nodeAffinity?: NodeAffinity } | undefined)?.nodeAffinity;
}

/** A term without conditions fits no node. */
function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  { metadata }: Node,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => holds(requirement, metadata.labels?.[requirement.key])) &&
    matchFields.every(
      (requirement) => requirement.key === "metadata.name" && holds(requirement, metadata.name),
    )
  );
}

/** A node's requirements are those of label selectors, and two that compare numbers. */
function holds(requirement: Requirement, value: string | undefined): boolean {
  const { operator, values = [] } = requirement;
  switch (operator) {
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return meetsRequirement(requirement, value);
  }
}
