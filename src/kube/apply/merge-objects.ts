import { isJsonObject, setField } from "../patch/json-value.ts";
import { fieldSchema, type SchemaNode } from "../schema/schema-node.ts";
import { content, emptySet, type FieldSet, formatPath, isEmptySet, put, self } from "./field-set.ts";
import { fieldNode, fieldsOf, indexItems, itemElement, itemNode, itemsOf, shapeOf } from "./typed-value.ts";

/** What is wrong with an applied object before anything is merged: one line for each place, as Kubernetes words it. */
export function appliedProblems(schema: SchemaNode, applied: unknown): string[] {
  const problems: string[] = [];
  const visit = (node: SchemaNode, value: unknown, path: readonly string[]): void => {
    const shape = shapeOf(node, value);
    if (shape === "list") visitList(node, value, path);
    else if (Array.isArray(value) && node.items !== undefined) {
      for (const [i, item] of value.entries()) visit(node.items, item, [...path, `i:${i}`]);
    } else if (isJsonObject(value))
      for (const name in value) {
        const child = fieldSchema(node, name);
        if (child !== undefined) visit(child, value[name], [...path, `f:${name}`]);
        else if (node.type === "object")
          problems.push(`${formatPath([...path, `f:${name}`])}: field not declared in schema`);
      }
  };
  const visitList = (node: SchemaNode, value: unknown, path: readonly string[]) => {
    const seen = new Set<string>();
    for (const [i, item] of itemsOf(value).entries()) {
      const found = itemElement(node, item);
      if ("problem" in found) {
        problems.push(`${formatPath(path)}: element ${i}: ${found.problem}`);
        continue;
      }
      if (seen.has(found.element))
        problems.push(`${formatPath(path)}: duplicate entries for key ${formatPath([found.element])}`);
      seen.add(found.element);
      visit(itemNode(node), item, [...path, found.element]);
    }
  };
  visit(schema, applied, []);
  return problems;
}

/** `live` with everything that `applied` says. Lists of items keep the applied order, with the others in between. */
export function mergeObjects(node: SchemaNode, live: unknown, applied: unknown): unknown {
  if (applied === undefined || live === applied) return live;
  const shape = shapeOf(node, applied);
  if (live === undefined || live === null || applied === null) return applied;
  if (shape === "leaf" || shapeOf(node, live) !== shape) return applied;
  if (shape === "list") return mergeLists(node, live, applied);
  const result: Record<string, unknown> = { ...fieldsOf(live) };
  let changed = false;
  const fields = fieldsOf(applied);
  for (const name in fields) {
    const before = Object.hasOwn(result, name) ? result[name] : undefined;
    const next = mergeObjects(fieldNode(node, name), before, fields[name]);
    if (next === before) continue;
    setField(result, name, next);
    changed = true;
  }
  return changed ? result : live;
}

function mergeLists(node: SchemaNode, live: unknown, applied: unknown): readonly unknown[] {
  const [present, wanted] = [indexItems(node, live), indexItems(node, applied)];
  const shared = [...wanted.keys()].filter((element) => present.has(element));
  const lives = [...present.keys()];
  const result: unknown[] = [];
  const take = (element: string) =>
    result.push(
      wanted.has(element)
        ? mergeObjects(itemNode(node), present.get(element), wanted.get(element))
        : present.get(element),
    );
  let at = 0;
  let nextShared = 0;
  for (const element of wanted.keys()) {
    // Items that only the live list has come as early as they can. Shared ones that stand out of the applied
    // order are passed over.
    for (let live = lives[at]; live !== undefined && live !== shared[nextShared]; live = lives[++at])
      if (!wanted.has(live)) take(live);
    if (element === shared[nextShared]) {
      nextShared++;
      if (lives[at] === element) at++;
    }
    take(element);
  }
  for (const live of lives.slice(at)) if (!wanted.has(live)) take(live);
  return result;
}

/** The value without the paths of `set`; what becomes empty by that goes, too. `undefined` when nothing is left. */
export function removeFields(node: SchemaNode, value: unknown, set: FieldSet): unknown {
  const shape = shapeOf(node, value);
  if (shape === "leaf") return value;
  if (shape === "map") {
    const result: Record<string, unknown> = {};
    const fields = fieldsOf(value);
    let left = 0;
    for (const name in fields) {
      const kept = removeChild(fieldNode(node, name), fields[name], set[`f:${name}`]);
      if (kept === undefined) continue;
      setField(result, name, kept);
      left++;
    }
    return left === 0 ? undefined : result;
  }
  const result: unknown[] = [];
  for (const item of itemsOf(value)) {
    const found = itemElement(node, item);
    const kept = "problem" in found ? item : removeChild(itemNode(node), item, set[found.element]);
    if (kept !== undefined) result.push(kept);
  }
  return result.length === 0 ? undefined : result;
}

function removeChild(node: SchemaNode, value: unknown, entry: FieldSet | undefined): unknown {
  if (entry === undefined) return value;
  const inner = content(entry);
  return inner[self] === undefined ? removeFields(node, value, inner) : undefined;
}

/** The set with every declared field on the way to one of its paths in it, too. */
export function withNamedParents(node: SchemaNode, set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const element in set) {
    const entry = set[element] ?? emptySet;
    if (element === self || isEmptySet(entry)) {
      result[element] = entry;
      continue;
    }
    const name = element.startsWith("f:") ? element.slice(2) : undefined;
    const child = name === undefined ? itemNode(node) : fieldNode(node, name);
    const inner = withNamedParents(child, entry);
    const isNamed = name !== undefined && node.properties.has(name);
    put(result, element, isNamed && inner[self] === undefined ? { [self]: emptySet, ...inner } : inner);
  }
  return result;
}
