import type { ClusterView, Find, Finding } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { disconnectedProxies } from "../proxy/check-proxies.ts";
import { kubectl, listed } from "../text.ts";
import { serviceNameLabel, systemNamespace } from "../view/labels.ts";
import { controlPlaneAddresses, controlPlaneSlices, discoveryPort } from "./control-plane-address.ts";

/**
 * A remote that looks for its control plane at an address that is none of the primary's. Where all its proxies are
 * connected, a way may lead from there to the primary that is not visible here: that is a warning only.
 */
export const checkControlPlaneAddress: Find = (mesh) =>
  mesh.clusters.flatMap((cluster): Finding[] => {
    const primary = mesh.clusters.find(({ name }) => name === cluster.primary);
    if (primary === undefined || primary === cluster) return [];
    const used = controlPlaneAddresses(cluster);
    const offered = offeredAddresses(primary);
    if (used.length === 0 || offered.length === 0 || used.some((address) => offered.includes(address)))
      return [];
    const get = `-n ${systemNamespace} get endpointslices -l ${serviceNameLabel}=istiod`;
    return [
      {
        code: "istiod/address-differs",
        severity: disconnectedProxies(cluster, mesh).length === 0 ? "warning" : "error",
        cluster: cluster.name,
        objects: controlPlaneSlices(cluster).map((slice) => reference(cluster, slice)),
        effect: `new pods of ${cluster.name} are refused, and its proxies get no configuration once their connection ends`,
        cause: `${cluster.name} cannot reach istiod at ${used[0]}:${discoveryPort}; ${primary.name} offers it at ${listed(offered)}`,
        evidence: [
          kubectl(cluster.name, get, listed(used)),
          kubectl(
            primary.name,
            "get services -A",
            `LoadBalancer with port ${discoveryPort} at ${listed(offered)}`,
          ),
        ],
        fix: `put ${offered[0]} into the EndpointSlice istiod of ${cluster.name} (isthmus up puts it back)`,
      },
    ];
  });

function offeredAddresses({ services }: ClusterView): string[] {
  return services
    .filter(({ spec }) => spec.ports?.some(({ port }) => port === discoveryPort))
    .flatMap(({ status, spec }) => [
      ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
      ...(spec.externalIPs ?? []),
    ]);
}
