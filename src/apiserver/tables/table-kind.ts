import { isJsonObject, type JsonObject, type KubeObject } from "../../kube/index.ts";
import { timeSince } from "./human-duration.ts";

/** meta.k8s.io TableColumnDefinition. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, 1 only in wide output. */
  readonly priority: number;
}

export type Cell = string | number | boolean | null;

/** The columns of a kind and how an object fills them. */
export interface TableKind {
  readonly columns: readonly Column[];
  /** The cells of one object; `now` in milliseconds since 1970. */
  cells(object: KubeObject, now: number): Cell[];
  /** Conditions of the row itself, for clients that hide what is done. */
  conditions?(object: KubeObject): readonly JsonObject[] | undefined;
}

/**
 * Columns from short texts: "Ready", "Desired:integer" with a type, "IP*" only in wide output. The first
 * column is the object's name unless it says otherwise.
 */
export function columns(...names: readonly string[]): readonly Column[] {
  return names.map((text) => {
    const [title = "", type = "string"] = text.split(":");
    const name = title.replace(/\*$/, "");
    const format = name === "Name" ? "name" : "";
    return { name, type, format, description: "", priority: name === title ? 0 : 1 };
  });
}

/** The age of an object. */
export function age(object: KubeObject, now: number): string {
  return timeSince(object.metadata.creationTimestamp, now);
}

/** The value at a path of fields; undefined where the path leads nowhere. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (!isJsonObject(found)) return undefined;
    found = found[name];
  }
  return found;
}

/** The text at a path; "" when there is none. */
export function text(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" || typeof found === "number" ? String(found) : "";
}

/** The text at a path; `otherwise` when there is none. */
export function textOr(otherwise: string, value: unknown, ...path: readonly string[]): string {
  return text(value, ...path) || otherwise;
}

/** The number at a path; 0 when there is none. */
export function count(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}

/** The list at a path; empty when there is none. */
export function list(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The map of texts at a path; empty when there is none. */
export function map(value: unknown, ...path: readonly string[]): Readonly<Record<string, unknown>> {
  const found = at(value, ...path);
  return isJsonObject(found) ? found : {};
}

/** Labels as "a=1,b=2" in order of their names; "<none>" when there are none. */
export function formatLabels(labels: Readonly<Record<string, unknown>>): string {
  const parts = Object.keys(labels)
    .sort()
    .map((name) => `${name}=${String(labels[name])}`);
  return parts.length === 0 ? "<none>" : parts.join(",");
}

/** At most `most` of the texts, and how many more there are. */
export function shortList(texts: readonly string[], most: number, separator = ","): string {
  const shown = texts.slice(0, most).join(separator);
  return texts.length > most ? `${shown} + ${texts.length - most} more...` : shown;
}

/** Whether a condition of this type holds. */
export function hasCondition(object: unknown, type: string): boolean {
  return list(object, "status", "conditions").some(
    (condition) => text(condition, "type") === type && text(condition, "status") === "True",
  );
}

/** Names and images of a pod template's containers, each joined by commas. */
export function containerCells(podSpec: unknown): [names: string, images: string] {
  const containers = list(podSpec, "containers");
  return [
    containers.map((container) => text(container, "name")).join(","),
    containers.map((container) => text(container, "image")).join(","),
  ];
}
