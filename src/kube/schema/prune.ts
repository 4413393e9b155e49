import { isJsonObject, setField } from "../patch/json-value.ts";
import { fieldSchema, type SchemaNode } from "./schema-node.ts";

/**
 * The object without the fields that its schema does not have. Gives back the same object when there is
 * nothing to drop; shares every part that stays as it is.
 */
export function prune<T>(schema: SchemaNode, object: T): T {
  return rewrite(schema, object, { onUnknown: "drop", fillDefaults: false }) as T;
}

/**
 * The object with the schema's defaults where fields are absent, and without nulls where the schema does not
 * allow them (a default takes the place of such a null). Gives back the same object when nothing changes.
 */
export function applyDefaults<T>(schema: SchemaNode, object: T): T {
  return rewrite(schema, object, { onUnknown: "keep", fillDefaults: true }) as T;
}

interface Rules {
  readonly onUnknown: "drop" | "keep";
  readonly fillDefaults: boolean;
}

const absent = Symbol("absent");

function rewrite(schema: SchemaNode, value: unknown, rules: Rules): unknown {
  if (Array.isArray(value)) {
    const items = schema.items;
    if (items === undefined) return value;
    let changed = false;
    const result = value.map((item: unknown) => {
      const next = rewrite(items, item, rules);
      changed ||= next !== item;
      return next;
    });
    return changed ? result : value;
  }
  if (!isJsonObject(value)) return value;
  let changed = false;
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const next = rewriteField(schema, name, value[name], rules);
    changed ||= next !== value[name];
    if (next !== absent) setField(result, name, next);
  }
  if (rules.fillDefaults)
    for (const [name, child] of schema.properties) {
      if (child.default === undefined || Object.hasOwn(result, name)) continue;
      // A default may have defaults of its own inside.
      result[name] = rewrite(child, child.default, rules);
      changed = true;
    }
  return changed ? result : value;
}

function rewriteField(schema: SchemaNode, name: string, value: unknown, rules: Rules): unknown {
  const child = fieldSchema(schema, name);
  if (child === undefined) {
    const isObjectField = schema.embedded && ["apiVersion", "kind", "metadata"].includes(name);
    return rules.onUnknown === "drop" && schema.type === "object" && !isObjectField ? absent : value;
  }
  if (value === null && rules.fillDefaults && !child.nullable && child.type !== undefined)
    return child.default === undefined ? absent : rewrite(child, child.default, rules);
  return rewrite(child, value, rules);
}
