import { isJsonObject } from "../patch/json-value.ts";
import { anyValue, fieldSchema, type SchemaNode } from "../schema/schema-node.ts";
import { keyElement, valueElement } from "./field-set.ts";

/** How server-side apply sees a value: as one thing, as a map of fields, or as a list of items told apart. */
export type Shape = "leaf" | "map" | "list";

/** The shape of a value at a place of the schema. A null takes the shape that the schema wants there. */
export function shapeOf(node: SchemaNode, value: unknown): Shape {
  if (Array.isArray(value)) return listShape(node);
  if (isJsonObject(value)) return node.mapType === "atomic" ? "leaf" : "map";
  if (value !== null) return "leaf";
  if (node.type === "array") return listShape(node);
  return node.type === "object" && node.mapType !== "atomic" ? "map" : "leaf";
}

function listShape(node: SchemaNode): Shape {
  return node.type === "array" && node.listType !== "atomic" ? "list" : "leaf";
}

/** The fields of a value of shape "map"; none for null. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {};
}

/** The items of a value of shape "list"; none for null. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The schema of a field of a map; any value where the schema says nothing. */
export function fieldNode(node: SchemaNode, name: string): SchemaNode {
  return fieldSchema(node, name) ?? anyValue;
}

/** The schema of the items of a list. */
export function itemNode(node: SchemaNode): SchemaNode {
  return node.items ?? anyValue;
}

/** The path element that tells an item of a list from the others, or what is wrong with it. */
export function itemElement(
  node: SchemaNode,
  item: unknown,
): { readonly element: string } | { readonly problem: string } {
  if (node.listType === "set") {
    if (isJsonObject(item))
      return { problem: "associative list without keys has an element that's a map type" };
    if (Array.isArray(item)) return { problem: "not supported: associative list with lists as elements" };
    if (item === null)
      return { problem: "associative list without keys has an element that's an explicit null" };
    return { element: valueElement(item) };
  }
  if (item === null) return { problem: "associative list with keys may not have a null element" };
  if (!isJsonObject(item)) return { problem: "associative list with keys may not have non-map elements" };
  const keys: Record<string, unknown> = {};
  let found = false;
  for (const name of node.listMapKeys) {
    const value = item[name] ?? node.items?.properties.get(name)?.default;
    if (value === undefined) continue;
    keys[name] = value;
    found = true;
  }
  if (found) return { element: keyElement(keys) };
  const names = node.listMapKeys.map((name) => JSON.stringify(name)).join(" ");
  return {
    problem: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  };
}

/** The items of a list by their path elements, in order. Of items that cannot be told apart the first counts. */
export function indexItems(node: SchemaNode, value: unknown): ReadonlyMap<string, unknown> {
  const index = new Map<string, unknown>();
  for (const item of itemsOf(value)) {
    const found = itemElement(node, item);
    if ("element" in found && !index.has(found.element)) index.set(found.element, item);
  }
  return index;
}
