import { fieldSchema, type SchemaNode } from "../../kube/index.ts";
import { isObject } from "../draft.ts";

/** Names that CEL itself uses; a field of such a name is written between underscores. */
const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/**
 * A value of Kubernetes as CEL sees it: whole numbers are integers unless the schema says `number`, the fields of
 * a struct are named as an expression can write them, date-times are timestamps. Nothing is known of the
 * type without a schema, as in a webhook's match conditions.
 */
export function toCel(value: unknown, schema?: SchemaNode): unknown {
  if (typeof value === "number")
    return Number.isSafeInteger(value) && schema?.type !== "number" ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (typeof value === "string" && schema?.format === "date-time") {
    const time = new Date(value);
    return Number.isNaN(time.getTime()) ? value : time;
  }
  if (!isObject(value)) return value;
  const made: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const isField = schema?.properties.has(name) === true;
    // Plain assignment would set the prototype instead of a field.
    Object.defineProperty(made, isField ? escapeField(name) : name, {
      value: toCel(inner, schema && fieldSchema(schema, name)),
      enumerable: true,
    });
  }
  return made;
}

/** "x-y" as `x__dash__y`, "namespace" as `__namespace__`: field names that are no identifiers of CEL. */
function escapeField(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}
