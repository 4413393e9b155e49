import type { KubeObject, ManagedFieldsEntry } from "../object.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import { emptySet, intersection, isEmptySet, union } from "./field-set.ts";
import {
  formatManagers,
  type Manager,
  type Managers,
  managerId,
  parseManagers,
  sameManagers,
  takeFields,
} from "./managers.ts";
import { ownable, withoutManagedFields } from "./ownable.ts";
import { compareObjects } from "./walk-fields.ts";

export interface UpdateInput {
  /** The object as it is stored; undefined when it is created. */
  readonly before: KubeObject | undefined;
  /** The object as it will be stored. Its managedFields, when it has any, are taken as a change of the books. */
  readonly after: KubeObject;
  readonly manager: string;
  /** Of the request: "apps/v1". */
  readonly apiVersion: string;
  /** "" or absent for the main resource. */
  readonly subresource?: string;
  readonly schema: SchemaNode;
  /** Now, in RFC 3339 with seconds. */
  readonly time: string;
}

/**
 * The managedFields of an object after a create, update or patch: the manager owns what it changed, and those
 * who held that no longer do. Empty when the object keeps no books: it was made without, or a client reset
 * them with `[{}]`. The very entries of `before` when nothing changed but times.
 */
export function updateManagedFields(input: UpdateInput): readonly ManagedFieldsEntry[] {
  const { before, after, schema } = input;
  const given = after.metadata.managedFields;
  if (given?.length === 1 && given[0] !== undefined && Object.keys(given[0]).length === 0) return [];
  const present = before?.metadata.managedFields ?? [];
  const asGiven = given === undefined || given.length === 0 ? undefined : parseManagers(given);
  const managers = asGiven ?? parseManagers(present) ?? new Map();
  if (before !== undefined && managers.size === 0) return [];
  const updated = updateManagers({
    managers,
    before: before === undefined ? undefined : withoutManagedFields(before),
    after: withoutManagedFields(after),
    schema,
    manager: {
      name: input.manager,
      operation: "Update",
      apiVersion: input.apiVersion,
      subresource: input.subresource ?? "",
      time: input.time,
      fields: emptySet,
    },
  });
  const entries = formatManagers(updated);
  return sameManagers(entries, present) ? present : entries;
}

/** Gives the manager what changed and takes that from the others. Both objects come without managedFields. */
export function updateManagers(input: {
  readonly managers: Managers;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
  readonly schema: SchemaNode;
  readonly manager: Manager;
}): Managers {
  const { before, after, schema, manager } = input;
  const start = before === undefined ? skeleton(schema) : ownable(before);
  const { added, modified, removed } = compareObjects(schema, start, ownable(after));
  const taken = union(modified, added);
  const managers: Managers = new Map(input.managers);
  for (const [id, { fields }] of [...managers]) {
    takeFields(managers, id, intersection(fields, taken));
    takeFields(managers, id, removed);
  }
  if (isEmptySet(taken)) return managers;
  const id = managerId(manager);
  const known = managers.get(id);
  return managers.set(id, { ...manager, fields: known === undefined ? taken : union(known.fields, taken) });
}

/** Structs that stand in Kubernetes' objects from the beginning, so that nobody is said to have added them. */
const inlineStructs: Readonly<Record<string, readonly string[]>> = {
  "": ["metadata", "spec", "status"],
  spec: ["template", "strategy", "updateStrategy", "jobTemplate"],
  template: ["metadata", "spec"],
  jobTemplate: ["metadata", "spec"],
};

function skeleton(schema: SchemaNode, name = ""): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const field of inlineStructs[name] ?? []) {
    const child = schema.properties.get(field);
    // Custom kinds have no structs, only what was sent.
    if (child?.definition !== undefined && child.type === "object") result[field] = skeleton(child, field);
  }
  return result;
}
