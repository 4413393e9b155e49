import { jsonEqual, type KubeObject, type LabelSelector, matchesLabelSelector } from "../../kube/index.ts";
import { draftOf } from "../draft.ts";
import type { Store } from "../storage/store.ts";
import type { PolicyRule } from "./authorizer.ts";

interface ClusterRole extends KubeObject {
  readonly rules?: readonly PolicyRule[] | null;
  readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly LabelSelector[] };
}

/** Aggregates of aggregates settle in as many rounds as they are deep; roles that select each other never would. */
const mostRounds = 8;

/**
 * Keeps the rules of aggregated ClusterRoles ("admin", "edit", "view" and those of users) equal to those of the
 * roles they select. Writes happen after the commit that made them necessary, never inside it.
 */
export function keepAggregatedRoles(store: Store): void {
  const roles = store.resource("clusterroles.rbac.authorization.k8s.io");
  let isPlanned = false;
  const run = () => {
    isPlanned = false;
    // An aggregate may be part of another one, so go on until nothing changes.
    let changed = true;
    for (let round = 0; changed && round < mostRounds; round++) {
      changed = false;
      const all = roles.list() as readonly ClusterRole[];
      for (const role of all) {
        const selectors = role.aggregationRule?.clusterRoleSelectors;
        if (selectors === undefined) continue;
        const rules = unique(
          all
            .filter(
              (other) =>
                other !== role &&
                selectors.some((selector) => matchesLabelSelector(selector, other.metadata.labels)),
            )
            .flatMap((other) => other.rules ?? []),
        );
        if (jsonEqual(rules, role.rules ?? [])) continue;
        roles.put(role.metadata.name, Object.assign(draftOf(role), { rules }));
        changed = true;
      }
    }
  };
  roles.subscribe(() => {
    if (isPlanned) return;
    isPlanned = true;
    queueMicrotask(run);
  });
  run();
}

function unique(rules: readonly PolicyRule[]): PolicyRule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
