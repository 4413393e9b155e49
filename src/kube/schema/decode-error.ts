import { isJsonObject } from "../patch/json-value.ts";
import { parseQuantity, quantityFormatMessage } from "../quantity.ts";
import { fieldSchema, type SchemaNode } from "./schema-node.ts";

/**
 * The first value of a built-in kind's object that does not fit its field's type, in the words of the Go
 * decoder, as in `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
 * Undefined when the object can be decoded.
 */
export function decodeError(schema: SchemaNode, object: unknown): string | undefined {
  return visit(schema, object, "", typeName(schema));
}

function visit(node: SchemaNode, value: unknown, path: string, owner: string): string | undefined {
  if (value === null || value === undefined || node.type === undefined) return undefined;
  if (node.definition === quantity)
    return (typeof value === "string" || typeof value === "number") && parseQuantity(value) !== undefined
      ? undefined
      : quantityFormatMessage;
  if (node.intOrString)
    return typeof value === "string" || Number.isInteger(value)
      ? undefined
      : mismatch(node, value, path, owner);
  switch (node.type) {
    case "string":
      return typeof value === "string" ? timeProblem(node, value) : mismatch(node, value, path, owner);
    case "boolean":
      return typeof value === "boolean" ? undefined : mismatch(node, value, path, owner);
    case "integer":
      return fitsInteger(node, value) ? undefined : mismatch(node, value, path, owner);
    case "number":
      return typeof value === "number" ? undefined : mismatch(node, value, path, owner);
    case "array": {
      const items = node.items;
      if (!Array.isArray(value)) return mismatch(node, value, path, owner);
      return items === undefined ? undefined : first(value, (item) => visit(items, item, path, owner));
    }
    case "object": {
      if (node.keepsUnknown) return undefined;
      if (!isJsonObject(value)) return mismatch(node, value, path, owner);
      const struct = node.definition === undefined ? owner : typeName(node);
      return first(Object.keys(value), (name) => {
        const child = fieldSchema(node, name);
        const at = node.values === undefined ? join(path, name) : path;
        return child === undefined ? undefined : visit(child, value[name], at, struct);
      });
    }
    default:
      return undefined;
  }
}

const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const int32 = 2 ** 31;

function fitsInteger(node: SchemaNode, value: unknown): boolean {
  if (typeof value !== "number" || !Number.isInteger(value)) return false;
  return node.format !== "int32" || (value >= -int32 && value < int32);
}

function timeProblem(node: SchemaNode, value: string): string | undefined {
  if (node.format !== "date-time" || !Number.isNaN(Date.parse(value))) return undefined;
  return `parsing time ${JSON.stringify(JSON.stringify(value))} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`;
}

function mismatch(node: SchemaNode, value: unknown, path: string, owner: string): string {
  const found =
    typeof value === "number"
      ? node.type === "integer"
        ? `number ${value}`
        : "number"
      : typeof value === "boolean"
        ? "bool"
        : Array.isArray(value)
          ? "array"
          : typeof value;
  return path === ""
    ? `json: cannot unmarshal ${found} into Go value of type ${goType(node)}`
    : `json: cannot unmarshal ${found} into Go struct field ${owner}.${path} of type ${goType(node)}`;
}

function goType(node: SchemaNode): string {
  if (node.definition !== undefined) {
    const [version, name] = node.definition.split(".").slice(-2);
    return `${version}.${name}`;
  }
  switch (node.type) {
    case "boolean":
      return "bool";
    case "integer":
      return node.format ?? "int64";
    case "number":
      return "float64";
    case "array":
      return `[]${node.items === undefined ? "interface {}" : goType(node.items)}`;
    case "object":
      return `map[string]${node.values === undefined ? "interface {}" : goType(node.values)}`;
    default:
      return node.format === "byte" ? "[]uint8" : "string";
  }
}

function typeName(node: SchemaNode): string {
  return node.definition?.split(".").at(-1) ?? "";
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function first<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
