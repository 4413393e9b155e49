/** One RBAC PolicyRule. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export function rule(
  groups: string | readonly string[],
  resources: readonly string[],
  verbs: readonly string[],
): PolicyRule {
  return { apiGroups: typeof groups === "string" ? [groups] : groups, resources, verbs };
}
