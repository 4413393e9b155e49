import { anyValue, fieldSchema, type SchemaNode } from "../schema/schema-node.ts";
import { goString } from "./go-string.ts";
import { isJsonObject, type JsonObject, jsonEqual, setField } from "./json-value.ts";
import { PatchError } from "./patch-error.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";

/**
 * Applies a strategic merge patch: a merge patch that merges lists by their merge keys, with the directives
 * `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…`. Pure: shares the parts of
 * the target that stay. Throws PatchError.
 */
export function applyStrategicMergePatch(target: unknown, patch: unknown, schema: SchemaNode): unknown {
  if (!isJsonObject(patch)) throw new PatchError("invalid JSON document");
  return mergeMap(isJsonObject(target) ? target : {}, patch, schema);
}

function mergeMap(original: JsonObject, patch: JsonObject, schema: SchemaNode): JsonObject {
  const marker = patch[directive];
  if (marker === "replace") return withoutDirectives(patch) as JsonObject;
  if (marker === "delete") return {};
  if (marker !== undefined) throw unknownDirective(marker, patch);

  const result: Record<string, unknown> = { ...original };
  retain(result, patch);
  for (const [field, order] of directives(patch, orderPrefix)) {
    const list = checkList(order);
    if (patch[field] === null) continue; // The list is deleted below.
    const node = fieldSchema(schema, field) ?? anyValue;
    const [before, change] = [result[field], patch[field]];
    if (before === undefined && change === undefined) continue;
    const present = before === undefined || before === null ? undefined : checkList(before);
    const wanted = change === undefined ? undefined : checkList(change);
    checkOrder(wanted ?? [], list, node.patchMergeKey);
    const deleted = patch[`${deletePrefix}${field}`];
    const kept = deleted === undefined ? (present ?? []) : without(present ?? [], checkList(deleted));
    result[field] = mergeList(kept, wanted ?? [], node, list);
  }
  for (const [name, change] of Object.entries(patch)) {
    if (name === retainKeys || name.startsWith(orderPrefix)) continue;
    if (name.startsWith(deletePrefix)) {
      const field = name.slice(deletePrefix.length);
      if (!Array.isArray(change)) throw new PatchError("invalid patch format of primitive list");
      if (Array.isArray(result[field])) result[field] = without(result[field], change);
      continue;
    }
    if (change === null) {
      delete result[name];
      continue;
    }
    if (patch[`${orderPrefix}${name}`] !== undefined) continue; // Done above.
    const before = Object.hasOwn(result, name) ? result[name] : undefined;
    const node = fieldSchema(schema, name) ?? anyValue;
    setField(result, name, mergeValue(before, change, node));
  }
  return result;
}

function mergeValue(before: unknown, change: unknown, node: SchemaNode): unknown {
  const replaces = node.patchStrategies.includes("replace");
  if (isJsonObject(change))
    return isJsonObject(before) && !replaces ? mergeMap(before, change, node) : withoutDirectives(change);
  if (Array.isArray(change)) {
    if (!Array.isArray(before) || !node.patchStrategies.includes("merge")) return withoutDirectives(change);
    return mergeList(before, change, node, undefined);
  }
  return change;
}

/** Merges a list whose strategy is "merge". `order` is what $setElementOrder says, else the patch's own order. */
function mergeList(
  before: readonly unknown[],
  change: readonly unknown[],
  node: SchemaNode,
  order: readonly unknown[] | undefined,
): readonly unknown[] {
  const items = [...before, ...change];
  if (items.length === 0) return [];
  checkElements(items);
  if (!isJsonObject(items[0])) {
    const merged = items.filter((item, i) => items.findIndex((other) => jsonEqual(other, item)) === i);
    return arrange(merged, before, order ?? change, (a, b) => jsonEqual(a, b));
  }
  const key = node.patchMergeKey;
  if (key === undefined) throw new PatchError("cannot merge lists without merge key for type object");
  const { kept, wanted } = applyItemDirectives(
    before as readonly JsonObject[],
    change as readonly JsonObject[],
    key,
  );
  const same = (a: unknown, b: unknown) => isJsonObject(a) && isJsonObject(b) && jsonEqual(a[key], b[key]);
  const merged: unknown[] = [...kept];
  for (const item of wanted) {
    if (!Object.hasOwn(item, key)) throw noMergeKey(item, key);
    const at = merged.findIndex((other) => same(other, item));
    const present = merged[at];
    if (isJsonObject(present)) merged[at] = mergeMap(present, item, node.items ?? anyValue);
    else merged.push(withoutDirectives(item));
  }
  return arrange(merged, before, order ?? wanted, same);
}

/** Takes the items with `$patch` out of the patch and does what they say. */
function applyItemDirectives(
  before: readonly JsonObject[],
  change: readonly JsonObject[],
  key: string,
): { readonly kept: readonly JsonObject[]; readonly wanted: readonly JsonObject[] } {
  let kept = before;
  let replaces = false;
  const wanted: JsonObject[] = [];
  for (const item of change) {
    switch (item[directive]) {
      case undefined:
        wanted.push(item);
        break;
      case "delete":
        if (!Object.hasOwn(item, key)) throw noMergeKey(item, key);
        kept = kept.filter((other) => !jsonEqual(other[key], item[key]));
        break;
      case "replace":
        replaces = true;
        break;
      case "merge":
        throw new PatchError("merging lists cannot yet be specified in the patch");
      default:
        throw unknownDirective(item[directive], item);
    }
  }
  return { kept: replaces ? [] : kept, wanted };
}

/**
 * Puts the merged items into order: those that `order` names in its order, the others as they were before. An
 * other one stands before a named one only if it did so before.
 */
function arrange(
  merged: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  same: (a: unknown, b: unknown) => boolean,
): readonly unknown[] {
  const rank = (list: readonly unknown[], item: unknown) => list.findIndex((other) => same(other, item));
  const ranked = merged.map((item) => ({ item, inOrder: rank(order, item), inBefore: rank(before, item) }));
  const named = ranked.filter(({ inOrder }) => inOrder >= 0).sort((a, b) => a.inOrder - b.inOrder);
  const others = ranked.filter(({ inOrder }) => inOrder < 0).sort((a, b) => a.inBefore - b.inBefore);
  const result: unknown[] = [];
  let at = 0;
  for (const next of named) {
    for (let other = others[at]; other !== undefined; other = others[++at]) {
      if (next.inBefore < 0 || other.inBefore > next.inBefore) break;
      result.push(other.item);
    }
    result.push(next.item);
  }
  return [...result, ...others.slice(at).map(({ item }) => item)];
}

function retain(result: Record<string, unknown>, patch: JsonObject): void {
  const keys = patch[retainKeys];
  if (keys === undefined) return;
  if (!Array.isArray(keys)) throw new PatchError("invalid patch format of retainKeys");
  const kept = new Set<unknown>(keys);
  for (const [name, change] of Object.entries(patch))
    if (change !== null && !name.startsWith("$") && !kept.has(name))
      throw new PatchError("patch content doesn't match retainKeys list");
  for (const name of Object.keys(result)) if (!kept.has(name)) delete result[name];
}

/** What stands in a patch for a place where nothing was before: no directives, no nulls, no items to delete. */
function withoutDirectives(patch: unknown): unknown {
  if (Array.isArray(patch))
    return patch
      .filter((item) => !(isJsonObject(item) && item[directive] !== undefined))
      .map((item: unknown) => withoutDirectives(item));
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(patch)) {
    const isDirective =
      name === directive ||
      name === retainKeys ||
      name.startsWith(orderPrefix) ||
      name.startsWith(deletePrefix);
    if (!isDirective && value !== null) setField(result, name, withoutDirectives(value));
  }
  return result;
}

function* directives(patch: JsonObject, prefix: string): Iterable<readonly [field: string, value: unknown]> {
  for (const name of Object.keys(patch))
    if (name.startsWith(prefix)) yield [name.slice(prefix.length), patch[name]];
}

/** The patch's items must stand in the order that $setElementOrder says, and all be in it. */
function checkOrder(items: readonly unknown[], order: readonly unknown[], key: string | undefined): void {
  const keyOf = (item: unknown) => (key !== undefined && isJsonObject(item) ? item[key] : item);
  let at = 0;
  for (const item of items) {
    if (isJsonObject(item) && item[directive] !== undefined) continue;
    while (at < order.length && !jsonEqual(keyOf(order[at]), keyOf(item))) at++;
    if (at === order.length)
      throw new PatchError(
        `The order in patch list:\n${goString(items)}\n doesn't match $setElementOrder list:\n${goString(order)}\n`,
      );
    at++;
  }
}

function checkElements(items: readonly unknown[]): void {
  const kinds = new Set(
    items.map((item) => (Array.isArray(item) ? "list" : isJsonObject(item) ? "map" : typeof item)),
  );
  if (kinds.has("list")) throw new PatchError("lists of lists are not supported");
  if (kinds.size > 1) throw new PatchError(`list element types are not identical: ${goString(items)}`);
}

function checkList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new PatchError(`expected a []interface {}, but received a ${goType(value)}`);
}

function goType(value: unknown): string {
  if (isJsonObject(value)) return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : typeof value === "number" ? "float64" : typeof value;
}

function without(list: readonly unknown[], items: readonly unknown[]): readonly unknown[] {
  return list.filter((item) => !items.some((other) => jsonEqual(other, item)));
}

function noMergeKey(item: JsonObject, key: string): PatchError {
  return new PatchError(`map: ${goString(item)} does not contain declared merge key: ${key}`);
}

function unknownDirective(marker: unknown, patch: JsonObject): PatchError {
  return new PatchError(`unknown patch type: ${String(marker)} in map: ${goString(patch)}`);
}
