import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { listed } from "../text.ts";
import { meshConfigMap, meshNetworksOf } from "../view/mesh-config.ts";

/** What Istio itself calls registries that are no clusters. */
const builtIn = ["Kubernetes", "External", "Mock"];

/** Clusters that MeshNetworks puts on a network, and that the control plane does not read: nothing of theirs is there. */
export const checkRegistries: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne(cluster: ClusterView): Finding[] {
  const map = meshConfigMap(cluster);
  if (map === undefined) return [];
  const known = new Set([
    cluster.name,
    ...builtIn,
    ...cluster.remoteSecrets.flatMap(({ clusters }) => clusters),
  ]);
  return Object.entries(meshNetworksOf(cluster).networks ?? {}).flatMap(([network, settings]) =>
    (settings?.endpoints ?? []).flatMap(({ fromRegistry }, i): Finding[] => {
      if (fromRegistry === undefined || known.has(fromRegistry)) return [];
      return [
        findingAbout(cluster, map, `data.meshNetworks: networks.${network}.endpoints[${i}].fromRegistry`, {
          code: "network/unknown-registry",
          severity: "error",
          effect: `pods that were meant to be on ${network} count as on no network, and are called at their own addresses`,
          cause: `MeshNetworks of ${cluster.name} puts the registry ${fromRegistry} on ${network}, and there is no such cluster: ${listed([...known].filter((name) => !builtIn.includes(name)))}`,
          seen: fromRegistry,
          fix: `write the name of a cluster that istiod of ${cluster.name} reads: a key of a Secret labelled istio/multiCluster=true`,
        }),
      ];
    }),
  );
}
