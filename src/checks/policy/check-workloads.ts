import { type KubeObject, matchesLabels, type Pod } from "../../kube/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { meshConfigOf } from "../view/mesh-config.ts";
import { isAlive, proxyOf } from "../view/pods.ts";
import { labelsText, selectorOf } from "../view/selector.ts";

/** Policies that are for no workload of the mesh: AuthorizationPolicies, and the authentications with a selector. */
export const checkPolicyWorkloads: Find = (mesh) =>
  scopesOf(mesh)
    .filter(({ isWhole }) => isWhole)
    .flatMap((scope) => [
      ...scope.config.authorizationPolicies.flatMap((policy) => checkOne(policy, scope)),
      ...[...scope.config.peerAuthentications, ...scope.config.requestAuthentications]
        .filter((policy) => selectorOf(policy) !== undefined)
        .flatMap((policy) => checkOne(policy, scope)),
    ]);

function checkOne(policy: KubeObject, scope: Scope): Finding[] {
  const { config, served } = scope;
  const { namespace = "default", name } = policy.metadata;
  const selector = selectorOf(policy);
  if (hasTarget(policy)) return [];
  const isMeshWide = namespace === meshConfigOf(config).rootNamespace;
  if (isMeshWide && selector === undefined) return [];
  const applies = (pod: Pod) =>
    isAlive(pod) &&
    proxyOf(pod) !== undefined &&
    (isMeshWide || pod.metadata.namespace === namespace) &&
    matchesLabels(selector ?? {}, pod.metadata.labels);
  if (served.some(({ pods }) => pods.some(applies))) return [];
  const where = isMeshWide ? "" : ` in ${namespace}`;
  const which = selector === undefined ? "" : ` with the labels ${labelsText(selector)}`;
  return [
    findingAbout(config, policy, "spec.selector", {
      code: "policy/no-workload",
      severity: "warning",
      effect: `${name} protects nothing: it is for no workload`,
      cause: `no pod with a proxy${where}${which} in ${listed(served.map((one) => one.name))}, which ${named(policy)} would be for`,
      seen: selector === undefined ? "(not set)" : labelsText(selector),
      fix:
        selector === undefined ? "start workloads with a sidecar there, or delete it" : "correct the labels",
    }),
  ];
}

/** Whether it is attached to Gateways or Services by reference. */
function hasTarget({ spec }: KubeObject): boolean {
  return typeof spec === "object" && spec !== null && ("targetRef" in spec || "targetRefs" in spec);
}
