import { generatedMeta, remoteSecretName, systemNamespace } from "../../kube/index.ts";
import type { Cluster, ClusterName, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { isPrimary, isProvider, remotesOf, workloadClusters } from "../topology.ts";

/**
 * The clusters that a primary's control plane reads besides its own: its remotes, and with `discovery: endpoints` every
 * other workload cluster. Not a provider: its consumer mirrors the pods there, and a second view would double every
 * endpoint. None for a remote.
 */
export function clustersReadBy(cluster: Cluster, mesh: Mesh): readonly ClusterName[] {
  if (!isPrimary(cluster)) return [];
  const read =
    mesh.discovery === "exports"
      ? remotesOf(mesh, cluster)
      : workloadClusters(mesh).filter((other) => other !== cluster && !isProvider(other));
  return read.map(({ name }) => name);
}

/** The Secrets with which a primary reads other clusters. The kubeconfig in them is made when they are applied. */
export function remoteCredentials(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const remotes = remotesOf(mesh, cluster);
  return clustersReadBy(cluster, mesh).map((name): CompiledItem => {
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
            name: remoteSecretName(name),
            namespace: systemNamespace,
            labels: { "istio/multiCluster": "true" },
            annotations: { "networking.istio.io/cluster": name },
          },
          from,
        ),
        type: "Opaque",
      },
      source: {
        kind: "remote-credential",
        cluster: name,
        ...(mesh.credentialLifetime === undefined ? {} : { lifetime: mesh.credentialLifetime }),
      },
    };
  });
}
