import { type KubeObject, matchesLabels, type Service } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { mendedBy } from "../remedy.ts";
import { kubectl, listed } from "../text.ts";
import { networkLabel } from "../view/labels.ts";
import { isReady, podTrouble } from "../view/pods.ts";

/** Gateways, between networks or for requests from outside, without a pod that is ready. */
export const checkGatewayPods: Find = (mesh) =>
  mesh.clusters.flatMap((cluster) =>
    cluster.services
      .filter((service) => isGateway(service, cluster, mesh))
      .flatMap((service) => checkOne(service, cluster)),
  );

function checkOne(service: Service, cluster: ClusterView): Finding[] {
  const { metadata, spec, status } = service;
  const { name, pods } = cluster;
  const { selector = {} } = spec;
  const behind = pods.filter(
    (pod) => pod.metadata.namespace === metadata.namespace && matchesLabels(selector, pod.metadata.labels),
  );
  if (behind.some(isReady)) return [];
  const network = metadata.labels?.[networkLabel];
  const address = status?.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname ?? "")[0];
  const port = metadata.labels?.["networking.istio.io/gatewayPort"] ?? "15443";
  const place = network === undefined || address === undefined ? "" : ` (${address}:${port})`;
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  const seen = behind.map((pod) => {
    const trouble = podTrouble(pod);
    return `${pod.metadata.name}${trouble === "" ? "" : ` (${trouble})`}`;
  });
  return [
    {
      code: "gateway/no-ready-pods",
      severity: "error",
      cluster: name,
      objects: [reference(cluster, service)],
      effect:
        network === undefined
          ? `requests to ${address ?? `the gateway ${metadata.name} of ${name}`} get no answer`
          : `requests to services in ${network} (${name}) from other networks fail for the share that crosses`,
      cause: `the gateway ${metadata.namespace}/${metadata.name} of ${name}${place} has no ready pod`,
      evidence: [kubectl(name, `-n ${metadata.namespace} get pods -l ${labels.join(",")}`, listed(seen))],
      ...wayOutFor(service, cluster),
    },
  ];
}

function wayOutFor({ metadata, spec }: Service, { name, deployments }: ClusterView) {
  const deployment = deployments.find(
    (one) =>
      one.metadata.namespace === metadata.namespace &&
      matchesLabels(spec.selector ?? {}, one.spec.template.metadata?.labels),
  );
  const { namespace = "default" } = metadata;
  const kubectlHere = `kubectl --context ${name} -n ${namespace}`;
  if (deployment === undefined)
    return { fix: `see ${kubectlHere} get deployments: none has the Service's labels` };
  if (deployment.spec.replicas !== 0)
    return { fix: `see ${kubectlHere} describe deployment ${deployment.metadata.name}` };
  return mendedBy([
    {
      kind: "scale",
      cluster: name,
      objects: { kind: "Deployment", namespace, names: [deployment.metadata.name] },
      replicas: 1,
    },
  ]);
}

function isGateway({ metadata, spec }: Service, cluster: ClusterView, mesh: MeshView): boolean {
  if (spec.selector === undefined || Object.keys(spec.selector).length === 0) return false;
  if (metadata.labels?.[networkLabel] !== undefined) return true;
  const rules = mesh.clusters.find(({ name }) => name === cluster.primary)?.gateways ?? [];
  return rules.map(selectorOf).some((wanted) => wanted !== undefined && matchesLabels(wanted, spec.selector));
}

/** Labels of a Gateway's pods; undefined for one that selects none or everything. */
function selectorOf(gateway: KubeObject): Readonly<Record<string, string>> | undefined {
  const { selector = {} } = gateway["spec"] as { readonly selector?: Readonly<Record<string, string>> };
  return Object.keys(selector).length === 0 ? undefined : selector;
}
