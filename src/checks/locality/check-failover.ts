import { matchesLabels, type Service } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { coversHost, domainOfServices, fullHost } from "../hosts.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { isReady } from "../view/pods.ts";
import { localityOf } from "./localities.ts";

/**
 * Services of offloaded namespaces with pods in several localities whose clients spread requests over all of them: istiod
 * prefers a locality only where outlier detection would notice that it has failed, or where the Service asks for it.
 */
export const checkFailover: Find = (mesh) =>
  mesh.clusters.flatMap((cluster) => {
    const offloaded = new Set(
      cluster.namespaceOffloadings
        .filter(({ spec }) => spec.podOffloadingStrategy !== "Local")
        .map(({ metadata }) => metadata.namespace),
    );
    return cluster.services
      .filter(({ metadata }) => offloaded.has(metadata.namespace))
      .flatMap((service) => checkOne(service, cluster, mesh));
  });

function checkOne(service: Service, cluster: ClusterView, mesh: MeshView): Finding[] {
  const localities = localitiesOf(service, cluster);
  if (localities.length < 2 || prefersByItself(service) || hasOutlierDetection(service, cluster, mesh))
    return [];
  const { name, namespace = "default" } = service.metadata;
  return [
    {
      code: "locality/no-outlier-detection",
      severity: "warning",
      cluster: cluster.primary,
      objects: [reference(cluster, service)],
      effect: `requests to ${name}.${namespace} are spread over ${listed(localities)}, wherever they come from`,
      cause: `no outlier detection: locality failover off for ${name}.${namespace}`,
      evidence: [
        kubectl(
          cluster.primary,
          `get destinationrules -A`,
          `none for ${name}.${namespace} has outlierDetection`,
        ),
      ],
      fix: `apply a DestinationRule for host ${name} with trafficPolicy.outlierDetection, or give the Service a trafficDistribution`,
    },
  ];
}

/** Where the Service's ready pods run, in words. */
function localitiesOf({ metadata, spec }: Service, { pods, nodes }: ClusterView): readonly string[] {
  const { selector = {} } = spec;
  if (Object.keys(selector).length === 0 || spec.clusterIP === "None") return [];
  const found = pods
    .filter(
      (pod) =>
        isReady(pod) &&
        pod.metadata.namespace === metadata.namespace &&
        matchesLabels(selector, pod.metadata.labels),
    )
    .flatMap((pod) => nodes.find((node) => node.metadata.name === pod.spec.nodeName) ?? [])
    .map(localityOf);
  return [...new Set(found)].map((locality) => locality.replace(/^\//, "zone ")).sort();
}

function prefersByItself({ metadata, spec }: Service): boolean {
  return (
    spec.trafficDistribution !== undefined ||
    metadata.annotations?.["networking.istio.io/traffic-distribution"] !== undefined
  );
}

function hasOutlierDetection({ metadata }: Service, { primary }: ClusterView, mesh: MeshView): boolean {
  const host = `${metadata.name}.${metadata.namespace}.${domainOfServices}`;
  const rules = mesh.clusters.find(({ name }) => name === primary)?.destinationRules ?? [];
  return rules
    .filter((rule) => coversHost(fullHost(rule.spec.host, rule.metadata.namespace ?? "default"), host))
    .some(({ spec: { trafficPolicy, subsets = [] } }) =>
      [trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)].some(
        (policy) =>
          policy?.outlierDetection !== undefined ||
          policy?.portLevelSettings?.some(({ outlierDetection }) => outlierDetection !== undefined),
      ),
    );
}
