import type { Gateway } from "../../discovery/index.ts";
import { matchesLabels } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { isAlive } from "../view/pods.ts";
import { labelsText } from "../view/selector.ts";

/** Gateways that are for no pod, and ports of Gateways that no Service before their pods has. */
export const checkGatewayWorkloads: Find = (mesh) =>
  scopesOf(mesh).flatMap((scope) => scope.config.gateways.flatMap((gateway) => checkOne(gateway, scope)));

function checkOne(gateway: Gateway, scope: Scope): Finding[] {
  const { config, served, isWhole } = scope;
  const { selector = {}, servers = [] } = gateway.spec;
  const pods = served.flatMap((cluster) =>
    cluster.pods
      .filter((pod) => isAlive(pod) && matchesLabels(selector, pod.metadata.labels))
      .map((pod) => ({ pod, cluster })),
  );
  if (pods.length === 0) {
    // A workload that was scaled to nothing is a finding of its own.
    if (!isWhole || served.some((cluster) => hasWorkload(cluster, selector))) return [];
    return [
      findingAbout(config, gateway, "spec.selector", {
        code: "gateway/no-workload",
        severity: "error",
        effect: `${gateway.metadata.name} opens no port: it is for no pod`,
        cause: `no pod in ${listed(served.map(({ name }) => name))} has the labels ${labelsText(selector)} that ${named(gateway)} selects`,
        seen: labelsText(selector),
        fix: "correct spec.selector, or start the gateway's pods",
      }),
    ];
  }
  const ports = new Set(
    pods.flatMap(({ pod, cluster }) =>
      cluster.services
        .filter(
          ({ metadata, spec }) =>
            metadata.namespace === pod.metadata.namespace &&
            Object.keys(spec.selector ?? {}).length > 0 &&
            matchesLabels(spec.selector ?? {}, pod.metadata.labels),
        )
        .flatMap(({ spec }) =>
          (spec.ports ?? []).flatMap(({ port, targetPort }) => [port, Number(targetPort ?? port)]),
        ),
    ),
  );
  return servers.flatMap(({ port }, i): Finding[] => {
    if (port === undefined || ports.has(port.number)) return [];
    return [
      findingAbout(config, gateway, `spec.servers[${i}].port.number`, {
        code: "gateway/port-not-in-service",
        severity: "warning",
        effect: `port ${port.number} of ${gateway.metadata.name} can't be reached through the gateway's Service`,
        cause: `${named(gateway)} of ${config.name} listens on ${port.number}, which no Service before its pods has`,
        seen: String(port.number),
        fix: `add the port ${port.number} to the gateway's Service`,
      }),
    ];
  });
}

function hasWorkload(
  { deployments, services }: ClusterView,
  selector: Readonly<Record<string, string>>,
): boolean {
  return (
    deployments.some(({ spec }) => matchesLabels(selector, spec.template.metadata?.labels)) ||
    services.some(({ spec }) => matchesLabels(selector, spec.selector))
  );
}
