import { type Deployment, isInjected, matchesLabels, type Service } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { groupBy } from "../group-by.ts";
import { named, namesOf } from "../object-reference.ts";
import { listed } from "../text.ts";
import { isSystemNamespace } from "../view/labels.ts";

/** Deployments in the mesh whose Services contradict each other: a port with two protocols, a target with two ports. */
export const checkServicesOfWorkloads: Find = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.deployments
      .filter((deployment) => isInMesh(deployment, cluster))
      .flatMap((deployment) => {
        const services = servicesOf(deployment, cluster);
        return services.length < 2
          ? []
          : [
              ...checkProtocols(deployment, services, cluster),
              ...checkTargets(deployment, services, cluster),
            ];
      }),
  );

function checkProtocols(
  deployment: Deployment,
  services: readonly Service[],
  cluster: ClusterView,
): Finding[] {
  return [...groupBy(portsOf(services), ({ port }) => port)].flatMap(([port, several]): Finding[] => {
    const protocols = [...new Set(several.map(({ protocol }) => protocol))];
    if (protocols.length < 2) return [];
    const names = namesOf([...new Set(several.map(({ service }) => service))]);
    return [
      findingAbout(cluster, deployment, "spec.template.metadata.labels", {
        code: "workload/port-with-two-protocols",
        severity: "warning",
        effect: `requests to port ${port} of ${deployment.metadata.name} may be handled in the wrong protocol in ${cluster.name}`,
        cause: `the Services ${listed(names)} of ${cluster.name} lead to ${named(deployment)} with port ${port} as ${listed(protocols)}`,
        seen: `selected by ${listed(names)}`,
        fix: "give one of the Services another port",
      }),
    ];
  });
}

function checkTargets(deployment: Deployment, services: readonly Service[], cluster: ClusterView): Finding[] {
  return [...groupBy(portsOf(services), ({ target }) => target)].flatMap(([target, several]): Finding[] => {
    const ports = [...new Set(several.map(({ port }) => port))].sort((a, b) => a - b);
    if (ports.length < 2) return [];
    const names = namesOf([...new Set(several.map(({ service }) => service))]);
    return [
      findingAbout(cluster, deployment, "spec.template.metadata.labels", {
        code: "workload/target-port-of-two-ports",
        severity: "warning",
        effect: `what arrives at port ${target} of ${deployment.metadata.name} in ${cluster.name} follows the rules of one of ${listed(names)}`,
        cause: `the Services ${listed(names)} of ${cluster.name} lead to target port ${target} of ${named(deployment)} from the ports ${listed(ports.map(String))}`,
        seen: `selected by ${listed(names)}`,
        fix: "let both Services use the same port, or different target ports",
      }),
    ];
  });
}

function portsOf(services: readonly Service[]) {
  return services.flatMap((service) =>
    (service.spec.ports ?? []).map(({ port, protocol = "TCP", targetPort }) => ({
      service,
      port,
      protocol,
      target: String(targetPort ?? port),
    })),
  );
}

function servicesOf({ metadata, spec }: Deployment, { services }: ClusterView): readonly Service[] {
  return services.filter(
    (service) =>
      service.metadata.namespace === metadata.namespace &&
      Object.keys(service.spec.selector ?? {}).length > 0 &&
      matchesLabels(service.spec.selector ?? {}, spec.template.metadata?.labels),
  );
}

function isInMesh({ metadata, spec }: Deployment, { namespaces }: ClusterView): boolean {
  if (isSystemNamespace(metadata.namespace ?? "")) return false;
  const { labels = {}, annotations = {} } = spec.template.metadata ?? {};
  const own = labels["sidecar.istio.io/inject"] ?? annotations["sidecar.istio.io/inject"];
  if (own !== undefined) return own === "true";
  const namespace = namespaces.find((one) => one.metadata.name === metadata.namespace);
  return namespace !== undefined && isInjected(namespace);
}
