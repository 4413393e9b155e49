import { apiVersionOf, type KubeObject, updateManagedFields } from "../../kube/index.ts";
import type { Draft } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { type Context, timestamp } from "./context.ts";

/** Who writes, and to which part. */
interface Write {
  readonly manager: string;
  readonly subresource: string | undefined;
}

/**
 * Notes on the draft which of its fields the writer has changed. Kinds that are stored in another version than
 * they are written in are noted in the stored one.
 */
export function noteChangedFields(
  context: Context,
  type: ResourceType,
  draft: Draft,
  old: KubeObject | undefined,
  { manager, subresource }: Write,
): void {
  const stored = storedType(context, type);
  const schema = context.schemaOf(stored);
  if (schema === undefined) return;
  const managed = updateManagedFields({
    before: old,
    after: draft,
    manager,
    apiVersion: apiVersionOf(stored),
    ...(subresource === undefined ? {} : { subresource }),
    schema,
    time: timestamp(context.clock.now()),
  });
  // They go into an object that others still change, and may be those of the old one.
  if (managed.length > 0) draft.metadata.managedFields = managed;
  else delete draft.metadata.managedFields;
}

function storedType(context: Context, type: ResourceType): ResourceType {
  if (type.convert === undefined) return type;
  const versions = context.registry.versions(type.storedAs);
  return versions.find((one) => apiVersionOf(one) === one.storedVersion) ?? type;
}
