import type { Pod } from "../../kube/index.ts";
import { selects } from "./objects.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { MeshService, ServicePort } from "./services.ts";
import { nodeLocality, workloadOf } from "./workload-endpoints.ts";
import type { World } from "./world.ts";

/** A service port that leads to a proxy's own workload. */
export interface InboundTarget {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly targetPort: number;
}

/** The pod of a proxy, when the API has shown it already. */
export function podOf(world: World, proxy: ProxyNode): Pod | undefined {
  return world.objects.clusters.get(proxy.clusterId)?.pods.get(`${proxy.namespace}/${proxy.name}`);
}

/** The proxy with what the API knows better than the proxy itself: labels of its pod and where its node is. */
export function completeProxy(world: World, proxy: ProxyNode): ProxyNode {
  const pod = podOf(world, proxy);
  if (pod === undefined) return proxy;
  const node = world.objects.clusters.get(proxy.clusterId)?.nodes.get(pod.spec.nodeName ?? "");
  const hostname = node?.metadata.labels?.["kubernetes.io/hostname"];
  return {
    ...proxy,
    labels: {
      ...proxy.labels,
      ...pod.metadata.labels,
      ...(hostname === undefined ? {} : { "kubernetes.io/hostname": hostname }),
    },
    locality: proxy.locality.region === "" ? nodeLocality(node) : proxy.locality,
    workloadName: proxy.workloadName === "" ? workloadOf(pod).name : proxy.workloadName,
  };
}

/** The services that a proxy's workload is behind, in the order in which services come. */
export function inboundTargets(world: World, proxy: ProxyNode): InboundTarget[] {
  const pod = podOf(world, proxy);
  const labels = pod?.metadata.labels ?? proxy.labels;
  const targets: InboundTarget[] = [];
  const own = world.objects.clusters.get(proxy.clusterId)?.services;
  for (const service of world.rules.services) {
    if (service.namespace !== proxy.namespace) continue;
    const kubernetes =
      service.registry === "Kubernetes" ? own?.get(`${service.namespace}/${service.name}`) : undefined;
    if (service.registry === "Kubernetes" && kubernetes === undefined) continue;
    const isPicked = selects(kubernetes?.spec.selector ?? service.selector, labels);
    for (const port of service.ports) {
      if (port.protocol === "udp") continue;
      const written = kubernetes?.spec.ports?.find((item) => item.port === port.port);
      const target =
        kubernetes === undefined
          ? port.targetPort
          : (written?.targetPort ?? written?.port ?? port.targetPort);
      const number = isPicked ? resolvePort(target, pod) : undefined;
      if (number !== undefined) {
        targets.push({ service, port, targetPort: number });
        continue;
      }
      if (isPicked || kubernetes?.spec.selector !== undefined) continue;
      // A Service without a selector: the slices somebody wrote for it decide.
      const endpoint = world.endpoints
        .get(service.host)
        ?.endpoints.find(
          (item) =>
            item.portName === port.name &&
            item.clusterId === proxy.clusterId &&
            proxy.addresses.includes(item.address),
        );
      if (endpoint !== undefined) targets.push({ service, port, targetPort: endpoint.port });
    }
  }
  return targets;
}

function resolvePort(target: number | string, pod: Pod | undefined): number | undefined {
  if (typeof target === "number") return target;
  if (/^\d+$/.test(target)) return Number(target);
  const containers = [...(pod?.spec.containers ?? []), ...(pod?.spec.initContainers ?? [])];
  return containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === target)?.containerPort;
}
