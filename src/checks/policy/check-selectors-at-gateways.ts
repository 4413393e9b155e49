import { type KubeObject, matchesLabels } from "../../kube/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { scopesOf } from "../scopes.ts";
import { labelsText, selectorOf } from "../view/selector.ts";

/** On pods that istiod runs for a Gateway of the Kubernetes Gateway API: its name. */
const gatewayName = "gateway.networking.k8s.io/gateway-name";

/** Policies that select pods of Kubernetes Gateways by labels: there only a targetRef has an effect. */
export const checkSelectorsAtGateways: Find = (mesh) =>
  scopesOf(mesh).flatMap(({ config, served }) => {
    const pods = served.flatMap((cluster) =>
      cluster.pods.filter(({ metadata }) => metadata.labels?.[gatewayName] !== undefined),
    );
    const policies: readonly KubeObject[] = [
      ...config.authorizationPolicies,
      ...config.requestAuthentications,
      ...config.telemetries,
      ...config.wasmPlugins,
    ];
    return policies.flatMap((policy): Finding[] => {
      const selector = selectorOf(policy);
      const pod = pods.find(
        ({ metadata }) =>
          selector !== undefined &&
          metadata.namespace === policy.metadata.namespace &&
          matchesLabels(selector, metadata.labels),
      );
      if (selector === undefined || pod === undefined) return [];
      const gateway = pod.metadata.labels?.[gatewayName] ?? "";
      return [
        findingAbout(config, policy, "spec.selector", {
          code: "policy/selector-at-kubernetes-gateway",
          severity: "warning",
          effect: `${policy.metadata.name} has no effect at the Gateway ${gateway}`,
          cause: `${named(policy)} of ${config.name} selects its pods by labels, and istiod takes only targetRefs for Kubernetes Gateways`,
          seen: labelsText(selector),
          fix: `name it instead: targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: ${gateway} }]`,
        }),
      ];
    });
  });
