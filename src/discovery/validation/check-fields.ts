import type { ConfigField } from "./config-field.ts";
import type { FieldEntry, FieldTable } from "./fields/field-entry.ts";

/** Refuses what a kind's table refuses, and warns of what has no effect here though Istio would act on it. */
export function checkFields(kind: string, spec: ConfigField, table: FieldTable): void {
  visit(spec, treeOf(table), `${kind} `);
}

/** Entries that have something to say, by the steps of their paths. */
interface Tree {
  entry?: FieldEntry;
  readonly members: Map<string, Tree>;
}

const trees = new WeakMap<FieldTable, Tree>();

function treeOf(table: FieldTable): Tree {
  const known = trees.get(table);
  if (known !== undefined) return known;
  const root: Tree = { members: new Map() };
  for (const [path, entry] of Object.entries(table)) {
    let node = root;
    for (const step of path.match(/\[\]|[^.[\]]+/g) ?? []) {
      const next = node.members.get(step) ?? { members: new Map() };
      node.members.set(step, next);
      node = next;
    }
    node.entry = entry;
  }
  trees.set(table, root);
  return root;
}

/** `subject` begins what is said of the whole spec; a field's own path stands before what is said of it. */
function visit(field: ConfigField, { entry, members }: Tree, subject = ""): void {
  if (entry !== undefined && saysSomething(field.value, entry)) {
    const { says, note, warns, refusedValues } = entry;
    if (says === "refused") {
      field.error(`${subject}${note}`);
      return;
    }
    if (says === "without effect" && warns) field.warn(`${subject}has no effect here: ${note}`);
    const refusal = Object.keys(refusedValues).find((value) => isMeant(value, field.text));
    if (refusal !== undefined) field.error(refusedValues[refusal] ?? "");
  }
  const ofItems = members.get("[]");
  if (ofItems !== undefined) for (const item of field.items) visit(item, ofItems);
  for (const [name, member] of field.entries) {
    const next = members.get(name) ?? members.get("*");
    if (next !== undefined) visit(member, next);
  }
}

/** Whether a table's value, in which "…" stands for any end, means what is written. */
function isMeant(value: string, written: string): boolean {
  return value.endsWith("…") ? written.startsWith(value.slice(0, -1)) : written === value;
}

/** Whether a value asks for anything: what protobuf takes for absent, and values that name the default, do not. */
function saysSomething(value: unknown, { accepted }: FieldEntry): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0) return false;
  if (Array.isArray(value)) return value.length > 0;
  return !(typeof value === "string" && accepted.includes(value));
}
