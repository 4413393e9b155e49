import type { KubeObject, ObjectMeta } from "./object.ts";

/** Label value of everything that isthmus generates. */
export const managedBy = "isthmus";
/** Annotation that names the field of the mesh file to which an object is due. */
export const fromAnnotation = "isthmus.dev/from";
/** On a Namespace: "*" exports every Service in it, as a ServiceExport does for one. */
export const exportsAnnotation = "isthmus.dev/exports";
/** Namespace of Istio's control plane, and of what belongs to it. */
export const systemNamespace = "istio-system";
/** Namespace of the management plane: on a management cluster the manager and its objects, elsewhere the agents. */
export const managementNamespace = "gloo-mesh";

/** `metadata` of a generated object, with the label and the annotation that say so. */
export function generatedMeta(metadata: ObjectMeta, from: string): ObjectMeta {
  return {
    ...metadata,
    labels: { ...metadata.labels, "app.kubernetes.io/managed-by": managedBy },
    annotations: { ...metadata.annotations, [fromAnnotation]: from },
  };
}

/** `object` with what generatedMeta adds. */
export function generated(object: KubeObject, from: string): KubeObject {
  return { ...object, metadata: generatedMeta(object.metadata, from) };
}
