import type { Cluster, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { generatedMeta, systemNamespace } from "../generated.ts";
import { isPrimary, remotesOf, workloadClusters } from "../topology.ts";

/**
 * The Secrets with which a primary reads other clusters: its remotes, and with `discovery: endpoints` every
 * other workload cluster. Not one that it is peered with: there its pods are mirrored already, and a second
 * view would double every endpoint. The kubeconfig in them is made when they are applied.
 */
export function remoteCredentials(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  if (!isPrimary(cluster)) return [];
  const remotes = remotesOf(mesh, cluster);
  const peered = mesh.peerings.flatMap(({ consumer, provider }) =>
    consumer === cluster.name ? [provider] : provider === cluster.name ? [consumer] : [],
  );
  const read =
    mesh.discovery === "exports" ? remotes : workloadClusters(mesh).filter((other) => other !== cluster);
  return read
    .filter(({ name }) => !peered.includes(name))
    .map(({ name }): CompiledItem => {
      const from = remotes.some((remote) => remote.name === name)
        ? `clusters.${name}.primary`
        : `clusters.${name}`;
      return {
        kind: "generated-secret",
        wave: "credentials",
        from,
        object: {
          apiVersion: "v1",
          kind: "Secret",
          metadata: generatedMeta(
            {
              name: `istio-remote-secret-${name}`,
              namespace: systemNamespace,
              labels: { "istio/multiCluster": "true" },
              annotations: { "networking.istio.io/cluster": name },
            },
            from,
          ),
          type: "Opaque",
        },
        source: { kind: "remote-credential", cluster: name },
      };
    });
}
