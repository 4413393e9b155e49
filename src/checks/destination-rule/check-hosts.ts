import type { DestinationRule } from "../../discovery/index.ts";
import { matchesLabels, type Pod } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { knownHosts } from "../view/known-hosts.ts";
import { networkLabel, systemNamespace } from "../view/labels.ts";
import { isAlive } from "../view/pods.ts";
import { labelsText } from "../view/selector.ts";

/** DestinationRules for hosts that the control plane does not know, and subsets that no pod belongs to. */
export const checkHosts: Find = (mesh) =>
  scopesOf(mesh)
    .filter(({ isWhole }) => isWhole)
    .flatMap((scope) => scope.config.destinationRules.flatMap((rule) => checkOne(rule, scope)));

function checkOne(rule: DestinationRule, scope: Scope): Finding[] {
  const { config, known } = scope;
  const { host, subsets = [] } = rule.spec;
  const found = knownHosts(scope).find(host, rule.metadata.namespace ?? "default");
  const isEverything = host.startsWith("*");
  if (found === undefined && !isEverything) {
    return [
      findingAbout(config, rule, "spec.host", {
        code: "destination-rule/unknown-host",
        severity: "warning",
        effect: `what ${rule.metadata.name} says for ${host} has no effect`,
        cause: `${named(rule)} of ${config.name} is for ${host}, and there is no such Service in ${listed(known.map(({ name }) => name))}, nor a ServiceEntry for it`,
        seen: host,
        fix: "correct the host, or create the Service or ServiceEntry",
      }),
    ];
  }
  // Endpoints of a ServiceEntry may be addresses, which have no pods.
  if (found === undefined || found.object.kind !== "Service") return [];
  const { namespace } = found.object.metadata;
  const selector = (found.object["spec"] as { readonly selector?: Readonly<Record<string, string>> })
    .selector;
  if (selector === undefined) return [];
  const pods = known.flatMap((cluster) =>
    cluster.pods
      .filter(
        (pod) =>
          isAlive(pod) &&
          pod.metadata.namespace === namespace &&
          matchesLabels(selector, pod.metadata.labels),
      )
      .map((pod) => endpointLabels(pod, cluster)),
  );
  const entries = config.workloadEntries
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map(({ metadata, spec }) => ({ ...metadata.labels, ...spec.labels }))
    .filter((labels) => matchesLabels(selector, labels));
  return subsets.flatMap(({ name, labels = {} }, i): Finding[] => {
    if ([...pods, ...entries].some((one) => matchesLabels(labels, one))) return [];
    return [
      findingAbout(config, rule, `spec.subsets[${i}]`, {
        code: "destination-rule/subset-without-pods",
        severity: "error",
        effect: `requests to subset ${name} of ${host} are answered with 503: it has no endpoints`,
        cause: `no pod of ${host} in ${listed(known.map((one) => one.name))} has the labels ${labelsText(labels)}`,
        seen: `${name}: ${labelsText(labels)}`,
        fix: `correct the labels of subset ${name}, or start the pods`,
      }),
    ];
  });
}

/** A pod's labels and those that Istio gives its endpoint: cluster, network and locality. */
function endpointLabels({ metadata, spec }: Pod, cluster: ClusterView): Readonly<Record<string, string>> {
  const node = cluster.nodes.find((one) => one.metadata.name === spec.nodeName)?.metadata.labels ?? {};
  const system = cluster.namespaces.find((one) => one.metadata.name === systemNamespace);
  const network = system?.metadata.labels?.[networkLabel];
  const topology = Object.entries(node).filter(([name]) => /^topology\.(kubernetes|istio)\.io\//.test(name));
  return {
    ...Object.fromEntries(topology),
    "topology.istio.io/cluster": cluster.name,
    ...(network === undefined ? {} : { [networkLabel]: network }),
    ...(spec.nodeName === undefined ? {} : { "kubernetes.io/hostname": spec.nodeName }),
    ...metadata.labels,
  };
}
