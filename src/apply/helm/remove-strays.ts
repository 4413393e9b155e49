import type { KubeObject } from "../../kube/index.ts";
import type { Applying } from "../deliver/applying.ts";
import { inventoryId } from "../inventory.ts";
import type { HelmRevision } from "./helm-release.ts";

const nameAnnotation = "meta.helm.sh/release-name";
const namespaceAnnotation = "meta.helm.sh/release-namespace";
const keepAnnotation = "helm.sh/resource-policy";

/**
 * Deletes what revisions brought that an apply began and that failed, and that the newest one does not consist of. Helm compares with the
 * last revision that it deployed, so it forgets these. Only what still bears the release's name goes.
 */
export async function removeStrays(
  [newest, ...earlier]: readonly HelmRevision[],
  { client, resources }: Pick<Applying, "client" | "resources">,
): Promise<void> {
  if (newest === undefined) return;
  const { name, namespace } = newest.release;
  const idOf = async (object: KubeObject) => {
    const kind = await resources.find(object.apiVersion, object.kind);
    const isNamespaced = kind === undefined || kind.namespaced;
    const { namespace: written = namespace, ...metadata } = object.metadata;
    const placed: KubeObject = {
      ...object,
      metadata: isNamespaced ? { ...metadata, namespace: written } : metadata,
    };
    return [inventoryId(placed), { kind, placed }] as const;
  };
  const cutOff = earlier.filter(({ apply, release }) => apply !== undefined && release.status === "failed");
  if (cutOff.length === 0) return;
  const wanted = new Set((await Promise.all(newest.release.objects.map(idOf))).map(([id]) => id));
  const brought = new Map(await Promise.all(cutOff.flatMap(({ release }) => release.objects.map(idOf))));
  for (const [id, { kind, placed }] of brought) {
    if (wanted.has(id) || kind === undefined) continue;
    const where = placed.metadata.namespace;
    const present = await client.get(kind, placed.metadata.name, where);
    const { annotations = {}, uid } = present?.metadata ?? {};
    if (present === undefined || annotations[keepAnnotation] !== undefined) continue;
    if (annotations[nameAnnotation] !== name || annotations[namespaceAnnotation] !== namespace) continue;
    await client.delete(kind, placed.metadata.name, {
      ...(where === undefined ? {} : { namespace: where }),
      propagationPolicy: "Background",
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    });
  }
}
