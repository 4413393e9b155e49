import { isJsonObject } from "../patch/json-value.ts";

/**
 * A set of field paths, in the very form in which managedFields carry it (FieldsV1): the keys are path
 * elements ("f:name" a field, `k:{"name":"a"}` an item by its keys, "v:x" an item by value, "i:0" by index),
 * "." says that the path so far is in the set itself, and an empty object stands for just that. Values are
 * never changed after they were made, so sets share their parts.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** The set without paths. As the value of an element it says: the element itself and nothing below. */
export const emptySet: FieldSet = Object.freeze({});

/** The key that stands for the path so far. */
export const self = ".";

const onlySelf: FieldSet = Object.freeze({ [self]: emptySet });

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** What an element's value says in full: the short form of a leaf written out. */
export function content(entry: FieldSet): FieldSet {
  return isEmptySet(entry) ? onlySelf : entry;
}

/** Puts an element's content into a set under construction, in short form; nothing when it is empty. */
export function put(target: Record<string, FieldSet>, element: string, inner: FieldSet | undefined): void {
  if (inner === undefined) return;
  let count = 0;
  for (const _ in inner) if (++count > 1) break;
  if (count === 0) return;
  target[element] = count === 1 && inner[self] !== undefined ? emptySet : inner;
}

/** The paths that are in `a` or in `b`. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const result: Record<string, FieldSet> = { ...a };
  for (const element in b) {
    const [left, right] = [a[element], b[element] ?? emptySet];
    if (left === undefined) result[element] = right;
    else if (element !== self) put(result, element, union(content(left), content(right)));
  }
  return result;
}

/** The paths that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const result: Record<string, FieldSet> = {};
  for (const element in a) {
    const [left, right] = [a[element], b[element]];
    if (left === undefined || right === undefined) continue;
    if (element === self) result[self] = emptySet;
    else put(result, element, intersection(content(left), content(right)));
  }
  return result;
}

/** The paths of `a` that are not in `b`. Taking a path away leaves the paths below it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return emptySet;
  if (isEmptySet(b)) return a;
  const result: Record<string, FieldSet> = {};
  for (const element in a) {
    const [left, right] = [a[element] ?? emptySet, b[element]];
    if (right === undefined) result[element] = left;
    else if (element !== self) put(result, element, difference(content(left), content(right)));
  }
  return result;
}

/** Whether the path of these elements is in the set. */
export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let at = set;
  for (const element of path) {
    const next = at[element];
    if (next === undefined) return false;
    at = content(next);
  }
  return at[self] !== undefined;
}

/** The set's paths, each as its elements. */
export function* paths(set: FieldSet, prefix: readonly string[] = []): Iterable<readonly string[]> {
  for (const element of Object.keys(set).sort()) {
    const entry = set[element] ?? emptySet;
    if (element === self) yield prefix;
    else yield* paths(content(entry), [...prefix, element]);
  }
}

/** A path as people read it: `.spec.containers[name="a"].image`. */
export function formatPath(path: readonly string[]): string {
  return path.map(formatElement).join("");
}

function formatElement(element: string): string {
  const text = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${text}`;
    case "k":
      return `[${Object.entries(JSON.parse(text) as Record<string, unknown>)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(",")}]`;
    case "v":
      return `[=${text}]`;
    default:
      return `[${text}]`;
  }
}

/** The element of the item with these keys; `names` need not be in order. */
export function keyElement(keys: Readonly<Record<string, unknown>>): string {
  const sorted = Object.fromEntries(
    Object.keys(keys)
      .sort()
      .map((name) => [name, keys[name]]),
  );
  return `k:${goJson(sorted)}`;
}

/** The element of an item of a set. */
export function valueElement(value: unknown): string {
  return `v:${goJson(value)}`;
}

const escapedByGo = /[<>&\u2028\u2029]/g;

/** JSON as Go writes it, so that elements are the same text wherever they were made. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    escapedByGo,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const deepest = 100;

/** Takes a value from outside as a set; undefined when it is none. */
export function parseFieldSet(value: unknown, depth = 0): FieldSet | undefined {
  if (!isJsonObject(value) || depth > deepest) return undefined;
  for (const element in value) {
    if (element === self) {
      if (!isJsonObject(value[self])) return undefined;
      continue;
    }
    if (!isElement(element) || parseFieldSet(value[element], depth + 1) === undefined) return undefined;
  }
  return value as unknown as FieldSet;
}

function isElement(element: string): boolean {
  if (element[1] !== ":") return false;
  const text = element.slice(2);
  if (element[0] === "f") return true;
  if (element[0] === "i") return /^\d+$/.test(text);
  if (element[0] !== "k" && element[0] !== "v") return false;
  try {
    const parsed: unknown = JSON.parse(text);
    return element[0] === "v" || isJsonObject(parsed);
  } catch {
    return false;
  }
}

/** The same set with its elements in the order in which Kubernetes writes them. */
export function sortFieldSet(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  if (elements.length === 0) return emptySet;
  const result: Record<string, FieldSet> = {};
  for (const element of elements.sort()) result[element] = sortFieldSet(set[element] ?? emptySet);
  return result;
}
