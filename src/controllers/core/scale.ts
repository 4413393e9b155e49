import { groupVersion, type Kind, type KubeObject, type OwnerReference } from "../../kube/index.ts";
import type { AllObjects } from "./all-objects.ts";
import type { Cluster } from "./cluster.ts";

/** autoscaling/v1 Scale: how many replicas something shall have and has, and how to find them. */
export interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

/** What names an object whose scale is meant, as a scaleTargetRef or an owner reference does. */
export type ScaleReference = Pick<OwnerReference, "apiVersion" | "kind" | "name">;

/**
 * The kind of a reference, in whatever version is served, with its scale as body. Throws in the words of
 * Kubernetes' REST mapper when there is none.
 */
export function scaledKind(
  objects: Pick<AllObjects, "find">,
  { apiVersion, kind }: ScaleReference,
): Kind<Scale> {
  const found = objects.find(apiVersion, kind);
  if (found !== undefined) {
    const { group, version, plural, namespaced } = found;
    return { group, version, kind, plural, namespaced };
  }
  const { group } = groupVersion(apiVersion);
  throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
}

/** Reads the scale subresource of any kind that has one; undefined when object or subresource are missing. */
export function readScale(
  { client }: Cluster,
  kind: Kind<Scale>,
  namespace: string | undefined,
  name: string,
): Promise<Scale | undefined> {
  return client.get(kind, name, namespace, "scale");
}
