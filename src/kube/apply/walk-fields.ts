import { jsonEqual } from "../patch/json-value.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import { emptySet, type FieldSet, put, self } from "./field-set.ts";
import { fieldNode, fieldsOf, indexItems, itemElement, itemNode, itemsOf, shapeOf } from "./typed-value.ts";

/** Paths that differ between two objects. No path is in more than one of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** The paths that an applied object names: what its manager comes to own. */
export function fieldSetOf(schema: SchemaNode, object: unknown): FieldSet {
  return fields(schema, object);
}

function fields(node: SchemaNode, value: unknown): FieldSet {
  const result: Record<string, FieldSet> = {};
  switch (shapeOf(node, value)) {
    case "leaf":
      result[self] = emptySet;
      break;
    case "map": {
      const map = fieldsOf(value);
      for (const name in map) {
        const inner = fields(fieldNode(node, name), map[name]);
        // A map's key is a field of its own; a struct's field is one only through what it holds.
        const stands = isNothing(map[name]) || !node.properties.has(name);
        put(
          result,
          `f:${name}`,
          stands && inner[self] === undefined ? { [self]: emptySet, ...inner } : inner,
        );
      }
      break;
    }
    case "list":
      for (const item of itemsOf(value)) {
        const found = itemElement(node, item);
        if ("problem" in found) continue;
        put(result, found.element, { [self]: emptySet, ...fields(itemNode(node), item) });
      }
      break;
  }
  return result;
}

/** Whether a field is null or an empty map, which owns itself as there is nothing below to own. */
function isNothing(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== "object" || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}

/** What changed from `before` to `after`. Parts that both share by reference are not walked. */
export function compareObjects(schema: SchemaNode, before: unknown, after: unknown): Comparison {
  const difference = compare(schema, before, after);
  return {
    added: difference?.added ?? emptySet,
    modified: difference?.modified ?? emptySet,
    removed: difference?.removed ?? emptySet,
  };
}

interface Difference {
  added?: FieldSet;
  modified?: FieldSet;
  removed?: FieldSet;
}

const selfOnly: FieldSet = Object.freeze({ [self]: emptySet });

/** `undefined` stands for a value that is not there; at least one side is. */
function compare(node: SchemaNode, before: unknown, after: unknown): Difference | undefined {
  if (before === after) return undefined;
  const shape = shapeOf(node, after === undefined ? before : after);
  const isOther = before !== undefined && after !== undefined && shapeOf(node, before) !== shape;
  if (shape === "leaf" || isOther || (isHollow(before) && isHollow(after))) {
    if (before === undefined) return { added: selfOnly };
    if (after === undefined) return { removed: selfOnly };
    return jsonEqual(before, after) ? undefined : { modified: selfOnly };
  }
  const result: {
    added: Record<string, FieldSet>;
    modified: Record<string, FieldSet>;
    removed: Record<string, FieldSet>;
  } = {
    added: {},
    modified: {},
    removed: {},
  };
  const visit = (child: SchemaNode, element: string, left: unknown, right: unknown) => {
    const inner = compare(child, left, right);
    if (inner === undefined) return;
    put(result.added, element, inner.added);
    put(result.modified, element, inner.modified);
    put(result.removed, element, inner.removed);
  };
  if (shape === "map") {
    const [left, right] = [fieldsOf(before), fieldsOf(after)];
    for (const name in right)
      if (left[name] !== right[name]) visit(fieldNode(node, name), `f:${name}`, left[name], right[name]);
    for (const name in left)
      if (right[name] === undefined) visit(fieldNode(node, name), `f:${name}`, left[name], undefined);
  } else {
    const [left, right] = [indexItems(node, before), indexItems(node, after)];
    for (const [element, item] of right) visit(itemNode(node), element, left.get(element), item);
    for (const [element, item] of left)
      if (!right.has(element)) visit(itemNode(node), element, item, undefined);
  }
  if (before === undefined) result.added[self] = emptySet;
  else if (after === undefined) result.removed[self] = emptySet;
  return result;
}

/** Whether a map or list has nothing in it, be it absent, null or empty. */
function isHollow(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) ? value.length === 0 : isNothing(value));
}
