import { generatedMeta, type KubeObject, systemNamespace } from "../../kube/index.ts";
import type { Cluster, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";

/**
 * The Certificate with which cert-manager issues the CA of a cluster with a control plane, in the form of kubernetes.io/tls that
 * istiod takes, too. The Secret is cert-manager's, which renews it.
 */
export function issuedCacerts({ name: cluster, trust: { issuer } }: Cluster, mesh: Mesh): CompiledItem[] {
  if (issuer === undefined) return [];
  const { name, kind, duration, from } = issuer;
  return [
    {
      kind: "object",
      wave: "trust",
      from,
      object: {
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: generatedMeta({ name: "cacerts", namespace: systemNamespace }, from),
        spec: {
          secretName: "cacerts",
          isCA: true,
          commonName: `Intermediate CA of ${cluster}`,
          subject: { organizations: [mesh.name] },
          ...(duration === undefined ? {} : { duration }),
          privateKey: { algorithm: "RSA", size: 2048 },
          issuerRef: { name, kind, group: "cert-manager.io" },
        },
      },
    },
    {
      kind: "generated-secret",
      wave: "trust",
      from,
      object: secret(from),
      source: { kind: "issued", certificate: "cacerts", allowDifferentRoots: mesh.trust.allowDifferentRoots },
    },
  ];
}

/**
 * The Secret `cacerts` of a workload cluster. Every cluster without an issuer gets one: from the folder that the mesh file names,
 * else an intermediate of its own under the mesh's generated root. Its data is made when it is applied.
 */
export function cacerts(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const { cacerts: folder, issuer } = cluster.trust;
  if (issuer !== undefined) return [];
  const from =
    folder === undefined
      ? "trust"
      : folder === mesh.trust.cacerts
        ? "trust.cacerts"
        : `clusters.${cluster.name}.trust.cacerts`;
  return [
    {
      kind: "generated-secret",
      wave: "trust",
      from,
      object: secret(from),
      source: { kind: "cacerts", ...(folder === undefined ? {} : { folder }) },
    },
  ];
}

function secret(from: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: generatedMeta({ name: "cacerts", namespace: systemNamespace }, from),
    type: "Opaque",
  };
}
