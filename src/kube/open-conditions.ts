import type { ForeignCluster, ForeignClusterCondition } from "./liqo-types.ts";

/** States in which a part of a peering is as it should be, or not wanted. */
const fulfilled: readonly ForeignClusterCondition["status"][] = ["Established", "Ready", "None"];

/** What is missing of a peering: the conditions of the cluster and of its enabled modules that are not fulfilled. */
export function openConditions({ status }: ForeignCluster): readonly ForeignClusterCondition[] {
  const { conditions = [], modules } = status ?? {};
  return [
    ...conditions,
    ...Object.values(modules ?? {}).flatMap(({ enabled, conditions: own = [] }) => (enabled ? own : [])),
  ].filter((condition) => !fulfilled.includes(condition.status));
}
