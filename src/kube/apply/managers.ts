import type { ManagedFieldsEntry } from "../object.ts";
import { jsonEqual } from "../patch/json-value.ts";
import { difference, type FieldSet, isEmptySet, parseFieldSet, sortFieldSet, union } from "./field-set.ts";

/** Who manages which fields of an object. */
export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339, of the last change; undefined when it is not known. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Managers by identity. Changed by the functions of this folder while an operation is worked out. */
export type Managers = Map<string, Manager>;

/** What makes two entries the same manager. An applier stays itself when it applies another version. */
export function managerId(
  manager: Pick<Manager, "name" | "operation" | "apiVersion" | "subresource">,
): string {
  const version = manager.operation === "Apply" ? "" : manager.apiVersion;
  return JSON.stringify([manager.name, manager.operation, version, manager.subresource]);
}

/** Reads the entries of an object; undefined when one of them makes no sense. */
export function parseManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers | undefined {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const fields = parseFieldSet(entry.fieldsV1 ?? {});
    if (fields === undefined || entry.fieldsType !== "FieldsV1") return undefined;
    if (entry.operation !== "Apply" && entry.operation !== "Update") return undefined;
    const manager: Manager = {
      name: entry.manager ?? "",
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? "",
      time: entry.time,
      fields,
    };
    const id = managerId(manager);
    const known = managers.get(id);
    managers.set(id, known === undefined ? manager : { ...known, fields: union(known.fields, fields) });
  }
  return managers;
}

/** Takes fields away from a manager, and the manager away when none are left. */
export function takeFields(managers: Managers, id: string, fields: FieldSet): void {
  const manager = managers.get(id);
  if (manager === undefined || isEmptySet(fields)) return;
  const left = difference(manager.fields, fields);
  if (isEmptySet(left)) managers.delete(id);
  else managers.set(id, { ...manager, fields: left });
}

/** The entries as an object carries them: appliers first, then by time. */
export function formatManagers(managers: Managers): ManagedFieldsEntry[] {
  return capUpdaters([...managers.values()])
    .filter(({ fields }) => !isEmptySet(fields))
    .sort(
      (a, b) =>
        ascending(a.operation, b.operation) ||
        ascending(a.time ?? "", b.time ?? "") ||
        ascending(a.name, b.name) ||
        ascending(a.apiVersion, b.apiVersion) ||
        ascending(a.subresource, b.subresource),
    )
    .map(({ name, operation, apiVersion, time, fields, subresource }) => ({
      manager: name,
      operation,
      apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: "FieldsV1",
      fieldsV1: shared(fields),
      ...(subresource === "" ? {} : { subresource }),
    }));
}

function ascending(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether two lists of entries say the same apart from times. */
export function sameManagers(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  const timeless = (entries: readonly ManagedFieldsEntry[]) => entries.map(({ time: _, ...entry }) => entry);
  return a.length === b.length && jsonEqual(timeless(a), timeless(b));
}

/** Most managers by update that an object remembers; the limit of Kubernetes. */
const mostUpdaters = 10;
const oldUpdates = "ancient-changes";

/** Folds the oldest updaters of a version into one, so that managedFields cannot grow without end. */
function capUpdaters(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers.filter(({ operation }) => operation === "Update");
  if (updaters.length <= mostUpdaters) return managers;
  const oldest = updaters
    .sort((a, b) => ascending(a.time ?? "", b.time ?? ""))
    .slice(0, updaters.length - mostUpdaters + 1);
  const folded = new Map<string, Manager>();
  for (const manager of oldest) {
    const known = folded.get(manager.apiVersion);
    folded.set(manager.apiVersion, {
      ...manager,
      name: oldUpdates,
      subresource: "",
      fields: known === undefined ? manager.fields : union(known.fields, manager.fields),
    });
  }
  return [...managers.filter((manager) => !oldest.includes(manager)), ...folded.values()];
}

/**
 * Thousands of objects are managed alike (the pods of a Deployment), so equal sets are kept once. The table
 * forgets its oldest sets; those live on in the objects that carry them.
 */
const sets = new Map<string, FieldSet>();
const mostSets = 512;

function shared(fields: FieldSet): FieldSet {
  const sorted = sortFieldSet(fields);
  const text = JSON.stringify(sorted);
  const known = sets.get(text);
  if (known !== undefined) return known;
  if (sets.size >= mostSets) {
    const [oldest] = sets.keys();
    if (oldest !== undefined) sets.delete(oldest);
  }
  sets.set(text, sorted);
  return sorted;
}
