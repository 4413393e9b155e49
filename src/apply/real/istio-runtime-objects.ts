import { type KubeClient, type KubeObject, kinds, systemNamespace } from "../../kube/index.ts";

const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

/**
 * Whether istiod itself makes the object while it runs, and nobody takes it away: the root for workloads in every namespace, the
 * records of its elections, the CA that it made for want of another.
 */
export function isRuntimeObject({ kind, metadata }: KubeObject): boolean {
  const { name, namespace, labels, annotations } = metadata;
  if (kind === "ConfigMap" && name === "istio-ca-root-cert") return labels?.["istio.io/config"] === "true";
  if (namespace !== systemNamespace) return false;
  if (kind === "ConfigMap") return annotations?.[leaderAnnotation] !== undefined && /^istio-/.test(name);
  return kind === "Secret" && name === "istio-ca-secret";
}

/** Deletes them, unless another control plane still runs in the cluster. */
export async function deleteRuntimeObjects(client: KubeClient): Promise<void> {
  const injectors = await client.list(kinds.mutatingWebhooks, { labelSelector: "app=sidecar-injector" });
  if (injectors.items.length > 0) return;
  for (const kind of [kinds.configMaps, kinds.secrets])
    for (const object of (await client.list<KubeObject>(kind)).items.filter(isRuntimeObject)) {
      const { name, namespace } = object.metadata;
      await client.delete(kind, name, namespace === undefined ? {} : { namespace });
    }
}
