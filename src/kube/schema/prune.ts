import { isJsonObject, setField } from "../patch/json-value.ts";
import { fieldSchema, type SchemaNode } from "./schema-node.ts";

/**
 * The object without the fields that its schema does not have. Gives back the same object when there is
 * nothing to drop; shares every part that stays as it is.
 */
export function prune<T>(schema: SchemaNode, object: T): T {
  return rewrite(schema, object, { dropUnknown: true, fillDefaults: false, dropNulls: false }) as T;
}

/**
 * The object with the schema's defaults where fields are absent, and without nulls where the schema does not
 * allow them (a default takes the place of such a null). Gives back the same object when nothing changes.
 */
export function applyDefaults<T>(schema: SchemaNode, object: T): T {
  return rewrite(schema, object, { dropUnknown: false, fillDefaults: true, dropNulls: true }) as T;
}

/** The object without nulls where the schema does not allow them. Gives back the same object when it has none. */
export function dropNulls<T>(schema: SchemaNode, object: T): T {
  return rewrite(schema, object, { dropUnknown: false, fillDefaults: false, dropNulls: true }) as T;
}

interface Rules {
  readonly dropUnknown: boolean;
  readonly fillDefaults: boolean;
  readonly dropNulls: boolean;
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
    return rules.dropUnknown && schema.type === "object" && !isObjectField ? absent : value;
  }
  if (value === null && rules.dropNulls && !child.nullable && child.type !== undefined)
    return rules.fillDefaults && child.default !== undefined ? rewrite(child, child.default, rules) : absent;
  return rewrite(child, value, rules);
}
