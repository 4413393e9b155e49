import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Filter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { RBAC_Action, type RBACSchema as RulesSchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { RBACSchema as HttpRbacSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { HttpFilter } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { AuthorizationPolicy } from "./config-types.ts";
import { httpFilter, networkFilter } from "./filters.ts";
import { attachedPolicies } from "./policy-attachment.ts";
import { any } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { matchNever, rbacPolicy } from "./rbac-rules.ts";
import type { Rules } from "./rules.ts";

/** The filters that hold a workload's authorization policies. */
export interface Authorization {
  readonly http: readonly HttpFilter[];
  readonly network: readonly Filter[];
}

type RbacRules = MessageInitShape<typeof RulesSchema>;

/** Policies that hold for a proxy: the mesh's, its namespace's, and those that select it; first what asks others, then audits, then denies, then allows. */
export function authorizationFor(rules: Rules, proxy: ProxyNode): Authorization {
  const policies = attachedPolicies(rules.authorizationPolicies, rules.mesh, proxy);
  if (policies.length === 0) return { http: [], network: [] };
  const trustDomains = [rules.mesh.trustDomain, ...rules.mesh.trustDomainAliases];
  const http: HttpFilter[] = [];
  const network: Filter[] = [];
  for (const [name, action] of actions) {
    const chosen = policies.filter(({ spec }) => (spec?.action ?? "ALLOW") === name);
    if (chosen.length === 0) continue;
    for (const forTcp of [false, true]) {
      const { enforced, dryRun } = rulesOf(chosen, action, forTcp, trustDomains);
      const config = {
        ...(enforced === undefined ? {} : { rules: enforced }),
        ...(dryRun === undefined ? {} : { shadowRules: dryRun }),
        shadowRulesStatPrefix: shadowPrefix(dryRun),
      };
      if (forTcp)
        network.push(
          networkFilter(
            "envoy.filters.network.rbac",
            any(NetworkRbacSchema, { ...config, statPrefix: "tcp." }),
          ),
        );
      else http.push(httpFilter("envoy.filters.http.rbac", any(HttpRbacSchema, config)));
    }
  }
  return { http, network };
}

/**
 * In the order of their filters. Nobody outside can be asked what CUSTOM policies leave to others, so what their
 * rules name is denied, as Istio does for a provider that it doesn't know.
 */
const actions = [
  ["CUSTOM", RBAC_Action.DENY],
  ["AUDIT", RBAC_Action.LOG],
  ["DENY", RBAC_Action.DENY],
  ["ALLOW", RBAC_Action.ALLOW],
] as const;

function shadowPrefix(dryRun: RbacRules | undefined): string {
  switch (dryRun?.action ?? RBAC_Action.ALLOW) {
    case RBAC_Action.ALLOW:
      return "istio_dry_run_allow_";
    case RBAC_Action.DENY:
      return "istio_dry_run_deny_";
    default:
      return "";
  }
}

function rulesOf(
  policies: readonly AuthorizationPolicy[],
  action: RBAC_Action,
  forTcp: boolean,
  trustDomains: readonly string[],
): { readonly enforced: RbacRules | undefined; readonly dryRun: RbacRules | undefined } {
  const sets = {
    enforced: {} as NonNullable<RbacRules["policies"]>,
    dryRun: {} as NonNullable<RbacRules["policies"]>,
  };
  const used = { enforced: false, dryRun: false };
  for (const { metadata, spec } of policies) {
    const kind = metadata.annotations?.["istio.io/dry-run"] === "true" ? "dryRun" : "enforced";
    used[kind] = true;
    const namespace = metadata.namespace ?? "";
    const name = (i: number) => `ns[${namespace}]-policy[${metadata.name}]-rule[${i}]`;
    const rules = spec?.rules ?? [];
    if (rules.length === 0) sets[kind][name(0)] = matchNever;
    for (const [i, rule] of rules.entries()) {
      const policy = rbacPolicy(rule, {
        forTcp,
        isAllow: action === RBAC_Action.ALLOW,
        namespace,
        trustDomains,
      });
      if (policy !== undefined) sets[kind][name(i)] = policy;
    }
  }
  return {
    enforced: used.enforced ? { action, policies: sets.enforced } : undefined,
    dryRun: used.dryRun ? { action, policies: sets.dryRun } : undefined,
  };
}
