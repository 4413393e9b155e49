import type { Cluster, Mesh } from "../mesh/index.ts";
import { type Compiled, type CompiledItem, waves } from "./compiled.ts";
import type { ManifestContent } from "./manifests/manifest-content.ts";
import { addons } from "./outputs/addons/addons.ts";
import { cacerts, issuedCacerts } from "./outputs/cacerts.ts";
import { exposure } from "./outputs/exposure.ts";
import { gatewayWorkloads } from "./outputs/gateway-workloads.ts";
import { istioChartItems } from "./outputs/istio-charts.ts";
import { agentItems, managementObjects } from "./outputs/management.ts";
import { namespaces } from "./outputs/namespaces.ts";
import { peerings } from "./outputs/peerings.ts";
import { remoteCredentials } from "./outputs/remote-credentials.ts";
import { serviceExports } from "./outputs/service-exports.ts";
import { tracing } from "./outputs/tracing.ts";
import { userManifests } from "./outputs/user-manifests.ts";
import { isPrimary, isProvider, providersOf } from "./topology.ts";

/**
 * Turns a mesh and the manifests that it names into what each cluster gets, in the order of applying. Pure: no
 * clock, no files, no randomness; the same mesh gives the same bytes.
 */
export function compile(mesh: Mesh, manifests: ManifestContent): Compiled {
  const clusters = [...mesh.clusters.values()].map(
    (cluster) => [cluster.name, itemsOf(cluster, mesh, manifests)] as const,
  );
  return { clusters: new Map(clusters) };
}

function itemsOf(cluster: Cluster, mesh: Mesh, manifests: ManifestContent): CompiledItem[] {
  const items = [
    ...namespaces(cluster, mesh),
    // What the mesh needs on a provider is applied in its consumer, and comes to it by offloading.
    ...(cluster.role === "workload" && !isProvider(cluster)
      ? [
          ...peerings(cluster, mesh),
          ...cacerts(cluster, mesh),
          ...istioChartItems(cluster, mesh),
          ...[cluster, ...providersOf(mesh, cluster)].flatMap((one) => gatewayWorkloads(one, mesh)),
          ...exposure(cluster, mesh),
          ...remoteCredentials(cluster, mesh),
          ...serviceExports(cluster, mesh),
          ...agentItems(cluster, mesh),
          ...tracing(cluster, mesh, manifests),
        ]
      : []),
    ...(cluster.role === "management" ? managementObjects(cluster, mesh) : []),
    ...addons(cluster, manifests),
    ...userManifests(cluster, manifests),
    // After what its issuer needs.
    ...(isPrimary(cluster) && cluster.role === "workload" ? issuedCacerts(cluster, mesh) : []),
  ];
  return items.sort((a, b) => waves.indexOf(a.wave) - waves.indexOf(b.wave));
}
