import type { KubeObject, ManagedFieldsEntry } from "../object.ts";

/** Fields that the server itself decides or that name the object: nobody manages them. */
const systemMetadata = new Set([
  "name",
  "namespace",
  "uid",
  "selfLink",
  "creationTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
]);

/** The part of an object that managers can own: without apiVersion, kind and the metadata that is the server's. */
export function ownable({
  apiVersion: _,
  kind: __,
  metadata,
  ...rest
}: KubeObject): Readonly<Record<string, unknown>> {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(metadata)) if (!systemMetadata.has(name)) own[name] = value;
  return Object.keys(own).length === 0 ? rest : { metadata: own, ...rest };
}

/** A configuration without the metadata that the server decides; manifests often carry `creationTimestamp: null`. */
export function withoutSystemFields(object: KubeObject): KubeObject {
  const { name, namespace } = object.metadata;
  const own = Object.entries(object.metadata).filter(([field]) => !systemMetadata.has(field));
  return {
    ...object,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...Object.fromEntries(own) },
  };
}

/** The object without its managedFields; the same one when it has none. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** The object with these managedFields, or without any when the list is empty. */
export function withManagedFields(
  object: KubeObject,
  managedFields: readonly ManagedFieldsEntry[],
): KubeObject {
  const bare = withoutManagedFields(object);
  return managedFields.length === 0 ? bare : { ...bare, metadata: { ...bare.metadata, managedFields } };
}
