import type { KubeObject, Secret } from "../../kube/index.ts";

/**
 * A Secret as a reference: External Secrets makes it of what the store has under MESH/CLUSTER/NAMESPACE/NAME, a map of the
 * Secret's keys. No value is in Git.
 */
export function externalSecret(secret: KubeObject, cluster: string, mesh: string, store: string): KubeObject {
  const { name, namespace = "default", labels, annotations = {} } = secret.metadata;
  const { "kubectl.kubernetes.io/last-applied-configuration": _copy, ...kept } = annotations;
  const { type = "Opaque" } = secret as Secret;
  const template = {
    type,
    metadata: {
      ...(labels === undefined ? {} : { labels }),
      ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
    },
  };
  return {
    apiVersion: "external-secrets.io/v1",
    kind: "ExternalSecret",
    metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) },
    spec: {
      refreshInterval: "1h",
      secretStoreRef: { kind: "ClusterSecretStore", name: store },
      target: { name, creationPolicy: "Owner", template },
      dataFrom: [{ extract: { key: secretKey(secret, cluster, mesh) } }],
    },
  };
}

/** Under what the store has a Secret. */
export function secretKey({ metadata }: KubeObject, cluster: string, mesh: string): string {
  return [mesh, cluster, metadata.namespace ?? "default", metadata.name].join("/");
}
