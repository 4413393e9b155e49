import type { KubeObject } from "../object.ts";
import { isJsonObject, jsonEqual } from "../patch/json-value.ts";
import { dropNulls } from "../schema/prune.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import {
  difference,
  emptySet,
  type FieldSet,
  formatPath,
  hasPath,
  intersection,
  isEmptySet,
  paths,
  union,
} from "./field-set.ts";
import {
  formatManagers,
  type Manager,
  type Managers,
  managerId,
  parseManagers,
  sameManagers,
  takeFields,
} from "./managers.ts";
import { appliedProblems, mergeObjects, removeFields, withNamedParents } from "./merge-objects.ts";
import { ownable, withManagedFields, withoutManagedFields, withoutSystemFields } from "./ownable.ts";
import { updateManagers } from "./update-managed-fields.ts";
import { compareObjects, fieldSetOf } from "./walk-fields.ts";

/** A field that another manager holds with another value. */
export interface ApplyConflict {
  /** The other manager as Kubernetes shows it: `"kubectl-client-side-apply" using apps/v1`. */
  readonly manager: string;
  /** ".spec.replicas" */
  readonly field: string;
}

/** The applied configuration itself is wrong. The message is Kubernetes' own. */
export class ApplyError extends Error {
  override readonly name = "ApplyError";
}

export interface ApplyInput {
  /** The object as it is stored; undefined when the apply creates it. */
  readonly live: KubeObject | undefined;
  /**
   * The configuration, reduced to what the endpoint takes (no status on the main resource, only the status on
   * its subresource), so that its manager does not come to own what it cannot set.
   */
  readonly applied: KubeObject;
  readonly manager: string;
  /** Of the configuration: "apps/v1". */
  readonly apiVersion: string;
  readonly schema: SchemaNode;
  /** Take over the fields that are in conflict. */
  readonly force?: boolean;
  /** "" or absent for the main resource, else "status", "scale" … */
  readonly subresource?: string;
  /** Now, in RFC 3339 with seconds. */
  readonly time: string;
}

export interface ApplyOutcome {
  /** The merged object with its managedFields; `live` itself when nothing changed. Not meant to be stored when there are conflicts. */
  readonly object: KubeObject;
  /** Empty when the apply went through. */
  readonly conflicts: readonly ApplyConflict[];
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
/** The one manager whose server-side applies take over from its client-side ones. */
const kubectl = "kubectl";
const beforeFirstApply = "before-first-apply";

/**
 * Server-side apply: merges the configuration into the object, removes what its manager applied before and
 * now leaves out (unless somebody else owns it), and keeps the books on who owns which field. Pure. Throws
 * ApplyError when the configuration does not fit the schema.
 */
export function applyObject(input: ApplyInput): ApplyOutcome {
  const { live, applied, schema, apiVersion } = input;
  if ((applied.metadata.managedFields ?? []).length > 0)
    throw new ApplyError("metadata.managedFields must be nil");
  const problems = appliedProblems(schema, applied);
  if (problems.length > 0) {
    const { name, namespace } = applied.metadata;
    const shown = `${namespace ?? ""}${namespace === undefined ? "" : "/"}${name}; ${apiVersion}, Kind=${applied.kind}`;
    const says =
      problems.length === 1 ? problems[0] : ["errors:", ...problems.map((line) => `  ${line}`)].join("\n");
    throw new ApplyError(`failed to create typed patch object (${shown}): ${says}`);
  }
  const bare = live === undefined ? undefined : withoutManagedFields(live);
  const managers = managersOf(input, bare);
  const merged = work(input, bare, new Map(managers), input.force === true);
  if (merged.conflicts.length === 0) return finish(input, merged);
  const open = openConflicts(input, merged.conflicts);
  if (open.length > 0)
    return {
      object: live ?? applied,
      conflicts: open.map(({ manager, path }) => ({
        manager: showManager(manager),
        field: formatPath(path),
      })),
    };
  return finish(input, work(input, bare, new Map(managers), true));
}

/** The message of the 409 that conflicts are answered with. */
export function conflictMessage(conflicts: readonly ApplyConflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined)
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.field}`;
  const lines = [...new Set(conflicts.map(({ manager }) => manager))]
    .sort()
    .flatMap((manager) => [
      `conflicts with ${manager}:`,
      ...conflicts.filter((conflict) => conflict.manager === manager).map(({ field }) => `- ${field}`),
    ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

interface Conflict {
  readonly manager: Manager;
  readonly path: readonly string[];
}

interface Work {
  readonly object: KubeObject;
  readonly managers: Managers;
  readonly conflicts: readonly Conflict[];
}

function managersOf({ live, schema, time }: ApplyInput, bare: KubeObject | undefined): Managers {
  const managers = parseManagers(live?.metadata.managedFields) ?? new Map();
  if (live === undefined || bare === undefined || managers.size > 0) return managers;
  // The object was made before anybody kept books: all of it counts as one update.
  return updateManagers({
    managers,
    before: undefined,
    after: bare,
    schema,
    manager: {
      name: beforeFirstApply,
      operation: "Update",
      apiVersion: live.apiVersion,
      subresource: "",
      time,
      fields: emptySet,
    },
  });
}

function work(input: ApplyInput, bare: KubeObject | undefined, managers: Managers, force: boolean): Work {
  const { schema, time } = input;
  const applied = bare === undefined ? input.applied : withoutSystemFields(input.applied);
  const own: Manager = {
    name: input.manager,
    operation: "Apply",
    apiVersion: input.apiVersion,
    subresource: input.subresource ?? "",
    time,
    fields: fieldSetOf(schema, ownable(applied)),
  };
  const id = managerId(own);
  const last = managers.get(id)?.fields ?? emptySet;
  if (isEmptySet(own.fields)) managers.delete(id);
  else managers.set(id, own);

  const merged = bare === undefined ? applied : mergeObjects(schema, bare, applied);
  // Merged again, since removing may have taken an emptied map or list that the configuration wants there, empty.
  const object = dropNulls(
    schema,
    mergeObjects(schema, removeLeftOut(schema, merged, last, managers), applied) as KubeObject,
  );

  const change = compareObjects(schema, bare === undefined ? {} : ownable(bare), ownable(object));
  const taken = union(change.modified, change.added);
  const conflicts: Conflict[] = [];
  for (const [other, manager] of [...managers]) {
    if (other === id) continue;
    const contested = intersection(manager.fields, taken);
    if (!force) for (const path of paths(contested)) conflicts.push({ manager, path });
    takeFields(managers, other, contested);
    takeFields(managers, other, change.removed);
  }
  return { object, managers, conflicts };
}

/**
 * Takes out of the merged object what the manager applied last time and does not apply now, unless some
 * manager owns it. Of an item that goes, everything goes; fields that nobody ever applied (defaults) stay
 * where their surroundings stay.
 */
function removeLeftOut(schema: SchemaNode, merged: unknown, last: FieldSet, managers: Managers): unknown {
  if (isEmptySet(last)) return merged;
  const wasApplied = withNamedParents(schema, last);
  let owned = emptySet;
  for (const { fields } of managers.values()) owned = union(owned, fields);
  owned = withNamedParents(schema, owned);
  if (isEmptySet(difference(wasApplied, owned))) return merged;

  const all = withNamedParents(schema, fieldSetOf(schema, merged));
  const fieldsLeft = (value: unknown) => withNamedParents(schema, fieldSetOf(schema, value ?? {}));
  const withoutLast = fieldsLeft(removeFields(schema, merged, wasApplied));
  const withOwned = fieldsLeft(removeFields(schema, merged, difference(all, union(withoutLast, owned))));
  return removeFields(schema, merged, intersection(difference(all, withOwned), wasApplied)) ?? {};
}

function finish(input: ApplyInput, { object, managers }: Work): ApplyOutcome {
  const { live } = input;
  const synced = syncLastApplied(input, object);
  const entries = formatManagers(managers);
  if (
    live !== undefined &&
    sameManagers(entries, live.metadata.managedFields ?? []) &&
    jsonEqual(synced, withoutManagedFields(live))
  )
    return { object: live, conflicts: [] };
  return { object: withManagedFields(synced, entries), conflicts: [] };
}

/** The conflicts that stand. What kubectl applied from the client before and nobody changed since is its own. */
function openConflicts(input: ApplyInput, conflicts: readonly Conflict[]): readonly Conflict[] {
  if (input.manager !== kubectl || input.live === undefined) return conflicts;
  const text = input.live.metadata.annotations?.[lastApplied];
  if (text === undefined || text === "") return conflicts;
  const before = parseObject(text);
  if (before?.["apiVersion"] !== input.apiVersion) return conflicts;
  const change = compareObjects(
    input.schema,
    ownable(before as KubeObject),
    ownable(withoutManagedFields(input.live)),
  );
  const changed = union(change.modified, union(change.added, change.removed));
  const kept = difference(fieldSetOf(input.schema, ownable(before as KubeObject)), changed);
  return conflicts.filter(({ path }) => !hasPath(kept, path));
}

/** Keeps the annotation of client-side apply true while kubectl applies from the server. */
function syncLastApplied({ manager, applied }: ApplyInput, object: KubeObject): KubeObject {
  const annotations = object.metadata.annotations;
  if (manager !== kubectl || annotations?.[lastApplied] === undefined) return object;
  const { [lastApplied]: _, ...others } = applied.metadata.annotations ?? {};
  const configuration = {
    ...applied,
    metadata: {
      ...applied.metadata,
      ...(applied.metadata.annotations === undefined ? {} : { annotations: others }),
    },
  };
  const text = `${JSON.stringify(configuration)}\n`;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...annotations, [lastApplied]: text } },
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && isJsonObject(value["metadata"]) ? value : undefined;
  } catch {
    return undefined;
  }
}

function showManager({ name, operation, apiVersion, subresource }: Manager): string {
  const who = `${JSON.stringify(name)}${subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === "Update" ? `${who} using ${apiVersion}` : who;
}
