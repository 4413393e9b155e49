import type { AuthorizationPolicy } from "../../discovery/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";

/** Namespaces that AuthorizationPolicies name as sources of requests, and that no cluster has. */
export const checkPolicyNamespaces: Find = (mesh) =>
  scopesOf(mesh)
    .filter(({ isWhole }) => isWhole)
    .flatMap((scope) => scope.config.authorizationPolicies.flatMap((policy) => checkOne(policy, scope)));

function checkOne(policy: AuthorizationPolicy, { config, served, known }: Scope): Finding[] {
  const clusters = [...new Set([...served, ...known])];
  const names = clusters.flatMap(({ namespaces }) => namespaces.map(({ metadata }) => metadata.name));
  return (policy.spec?.rules ?? []).flatMap(({ from = [] }, i) =>
    from.flatMap(({ source = {} }, j) =>
      (["namespaces", "notNamespaces"] as const).flatMap((field) =>
        (source[field] ?? []).flatMap((pattern, k): Finding[] => {
          if (names.some((name) => matchesPattern(pattern, name))) return [];
          return [
            findingAbout(config, policy, `spec.rules[${i}].from[${j}].source.${field}[${k}]`, {
              code: "policy/unknown-namespace",
              severity: "error",
              effect: `no request matches ${pattern} in rules[${i}] of ${policy.metadata.name}`,
              cause: `${named(policy)} of ${config.name} names the namespace ${pattern}, which none of ${listed(clusters.map(({ name }) => name))} has`,
              seen: pattern,
              fix: "correct the namespace, or create it",
            }),
          ];
        }),
      ),
    ),
  );
}

/** Istio's patterns: "*", "*suffix", "prefix*", or the whole name. */
function matchesPattern(pattern: string, name: string): boolean {
  if (pattern.startsWith("*")) return name.endsWith(pattern.slice(1));
  if (pattern.endsWith("*")) return name.startsWith(pattern.slice(0, -1));
  return pattern === name;
}
