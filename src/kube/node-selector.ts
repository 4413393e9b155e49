import { meetsRequirement } from "./label-selector.ts";
import type { Node } from "./types.ts";

/** Requirements on a node, all of which must hold (core/v1 NodeSelectorTerm). */
export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly NodeSelectorRequirement[];
  readonly matchFields?: readonly NodeSelectorRequirement[];
}

export interface NodeSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** On which nodes a pod must run, and on which it would rather (core/v1 NodeAffinity). */
export interface NodeAffinity {
  /** The terms are alternatives. */
  readonly requiredDuringSchedulingIgnoredDuringExecution?: {
    readonly nodeSelectorTerms?: readonly NodeSelectorTerm[];
  };
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly weight: number;
    readonly preference: NodeSelectorTerm;
  }[];
}

/** Whether the node meets the term. A term without conditions fits no node. */
export function matchesNodeSelectorTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  { metadata }: Pick<Node, "metadata">,
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
function holds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
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
