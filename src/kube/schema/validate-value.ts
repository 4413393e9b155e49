import { isJsonObject, jsonEqual } from "../patch/json-value.ts";
import {
  anyValue,
  createSchemaNode,
  fieldSchema,
  type RawSchema,
  type SchemaDialect,
  type SchemaNode,
} from "./schema-node.ts";
import { formatProblem } from "./string-formats.ts";

/** One thing that is wrong with a value, as the causes of a Status list it. */
export interface FieldCause {
  /** "spec.ports[0].port"; "<nil>" where Kubernetes names no field. */
  readonly field: string;
  /** `Invalid value: 0: spec.port in body should be greater than or equal to 1` */
  readonly message: string;
  readonly reason:
    | "FieldValueInvalid"
    | "FieldValueTypeInvalid"
    | "FieldValueRequired"
    | "FieldValueNotSupported"
    | "FieldValueTooLong"
    | "FieldValueTooMany";
}

/** Metadata is checked by the rules of metadata, not by the kind's schema. */
const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** Most causes that are reported of one object; more would drown the first. */
const mostCauses = 100;

/**
 * What the schema says against the value, in the words of Kubernetes' validation of custom resources. Empty
 * when the value is valid. Rules in CEL (x-kubernetes-validations) are not looked at: they need an evaluator.
 */
export function validateValue(schema: SchemaNode, value: unknown, path = ""): FieldCause[] {
  const causes: FieldCause[] = [];
  check(schema, value, path, causes);
  return causes.slice(0, mostCauses);
}

function check(node: SchemaNode, value: unknown, path: string, causes: FieldCause[]): void {
  if (causes.length >= mostCauses) return;
  if (value === null && node.nullable) return;
  if (!checkType(node, value, path, causes)) return;
  checkComposites(node.raw, value, path, causes);
  if (typeof value === "string") checkString(node.raw, value, path, causes);
  else if (typeof value === "number") checkNumber(node.raw, value, path, causes);
  else if (Array.isArray(value)) checkList(node, value, path, causes);
  checkEnum(node.raw, value, path, causes);
  if (isJsonObject(value)) checkObject(node, value, path, causes);
}

function checkType(node: SchemaNode, value: unknown, path: string, causes: FieldCause[]): boolean {
  if (node.type === undefined && !node.intOrString) return true;
  const actual = typeOf(value);
  const wanted = node.intOrString ? ["integer", "string"] : [node.type ?? ""];
  if (wanted.includes(actual) || (actual === "integer" && wanted.includes("number"))) return true;
  causes.push({
    field: path || "<nil>",
    reason: "FieldValueTypeInvalid",
    message: `Invalid value: "${actual}": ${path} in body must be of type ${wanted.join(",")}: "${actual}"`,
  });
  return false;
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function invalid(path: string, value: unknown, says: string): FieldCause {
  return {
    field: path || "<nil>",
    reason: "FieldValueInvalid",
    message: `Invalid value: ${JSON.stringify(value)}: ${path} in body ${says}`,
  };
}

/** Complaints about a whole schema name their place in the text and no field, as in Kubernetes. */
function composite(path: string, says: string): FieldCause {
  return { field: "<nil>", reason: "FieldValueInvalid", message: `Invalid value: "": "${path}" ${says}` };
}

const noReferences: SchemaDialect = { resolve: () => undefined, bareObjectsAreOpen: true };
const alternatives = new WeakMap<RawSchema, SchemaNode>();

/** The node of a schema inside allOf, anyOf, oneOf or not; made once. */
function alternative(raw: RawSchema): SchemaNode {
  let node = alternatives.get(raw);
  if (node === undefined) {
    node = createSchemaNode(raw, noReferences);
    alternatives.set(raw, node);
  }
  return node;
}

function checkComposites(raw: RawSchema, value: unknown, path: string, causes: FieldCause[]): void {
  const trial = (schema: RawSchema) => validateValue(alternative(schema), value, path);
  if (raw.anyOf !== undefined && raw.anyOf.length > 0) {
    const results = raw.anyOf.map(trial);
    if (!results.some((result) => result.length === 0))
      causes.push(composite(path, "must validate at least one schema (anyOf)"), ...(results[0] ?? []));
  }
  if (raw.oneOf !== undefined && raw.oneOf.length > 0) {
    const results = raw.oneOf.map(trial);
    const valid = results.filter((result) => result.length === 0).length;
    if (valid === 0)
      causes.push(
        composite(path, "must validate one and only one schema (oneOf). Found none valid"),
        ...(results[0] ?? []),
      );
    else if (valid > 1)
      causes.push(
        composite(path, `must validate one and only one schema (oneOf). Found ${valid} valid alternatives`),
      );
  }
  if (raw.allOf !== undefined && raw.allOf.length > 0) {
    const results = raw.allOf.map(trial);
    const valid = results.filter((result) => result.length === 0).length;
    if (valid < results.length) {
      causes.push(...results.flat());
      causes.push(
        composite(path, `must validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`),
      );
    }
  }
  if (raw.not !== undefined && trial(raw.not).length === 0)
    causes.push(composite(path, "must not validate the schema (not)"));
}

const patterns = new WeakMap<RawSchema, RegExp | "unusable">();

function patternOf(raw: RawSchema, pattern: string): RegExp | "unusable" {
  let compiled = patterns.get(raw);
  if (compiled === undefined) {
    try {
      compiled = new RegExp(pattern, "u");
    } catch {
      try {
        // Go's syntax allows escapes that the "u" mode refuses, for example \- outside of a class.
        compiled = new RegExp(pattern);
      } catch {
        compiled = "unusable";
      }
    }
    patterns.set(raw, compiled);
  }
  return compiled;
}

function checkString(raw: RawSchema, value: string, path: string, causes: FieldCause[]): void {
  if (raw.maxLength !== undefined && value.length > raw.maxLength && [...value].length > raw.maxLength)
    causes.push({
      field: path || "<nil>",
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${raw.maxLength} characters`,
    });
  if (raw.minLength !== undefined && [...value].length < raw.minLength)
    causes.push(invalid(path, value, `should be at least ${raw.minLength} chars long`));
  if (raw.pattern !== undefined) {
    const pattern = patternOf(raw, raw.pattern);
    if (pattern !== "unusable" && !pattern.test(value))
      causes.push(invalid(path, value, `should match '${raw.pattern}'`));
  }
  if (raw.format !== undefined && !raw["x-kubernetes-int-or-string"] && formatProblem(raw.format, value))
    causes.push({
      ...invalid(path, value, `must be of type ${raw.format}: ${JSON.stringify(value)}`),
      reason: "FieldValueTypeInvalid",
    });
}

function checkNumber(raw: RawSchema, value: number, path: string, causes: FieldCause[]): void {
  const { minimum, maximum, multipleOf, exclusiveMinimum, exclusiveMaximum } = raw;
  if (multipleOf !== undefined && multipleOf > 0 && value % multipleOf !== 0)
    causes.push(invalid(path, value, `should be a multiple of ${multipleOf}`));
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    causes.push(
      invalid(path, value, `should be less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`),
    );
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    causes.push(
      invalid(path, value, `should be greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`),
    );
}

function checkList(node: SchemaNode, value: readonly unknown[], path: string, causes: FieldCause[]): void {
  const { minItems, maxItems, uniqueItems } = node.raw;
  if (minItems !== undefined && value.length < minItems)
    causes.push(invalid(path, value.length, `should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) causes.push(tooMany(path, value.length, maxItems));
  const keys = node.raw["x-kubernetes-list-type"] === undefined ? undefined : listKeys(node, value);
  if (keys !== undefined) {
    const seen = new Set<string>();
    keys.forEach((key, i) => {
      if (seen.has(key))
        causes.push({
          field: `${path}[${i}]`,
          reason: "FieldValueInvalid",
          message: `Duplicate value: ${key}`,
        });
      seen.add(key);
    });
  } else if (
    uniqueItems === true &&
    value.some((item, i) => value.slice(0, i).some((other) => jsonEqual(item, other)))
  )
    causes.push(invalid(path, value, "shouldn't contain duplicates"));
  const items = node.items;
  if (items === undefined) return;
  for (const [i, item] of value.entries()) check(items, item, `${path}[${i}]`, causes);
}

function listKeys(node: SchemaNode, value: readonly unknown[]): readonly string[] | undefined {
  if (node.listType === "set") return value.map((item) => JSON.stringify(item));
  if (node.listType !== "map") return undefined;
  return value.map((item) =>
    JSON.stringify(
      Object.fromEntries(
        node.listMapKeys.map((name) => [
          name,
          (isJsonObject(item) ? item[name] : undefined) ?? node.items?.properties.get(name)?.default,
        ]),
      ),
    ),
  );
}

function tooMany(path: string, actual: number, most: number): FieldCause {
  return {
    field: path || "<nil>",
    reason: "FieldValueTooMany",
    message: `Too many: ${actual}: must have at most ${most} items`,
  };
}

function checkEnum(raw: RawSchema, value: unknown, path: string, causes: FieldCause[]): void {
  if (raw.enum === undefined || raw.enum.some((allowed) => jsonEqual(allowed, value))) return;
  const allowed = raw.enum.map((item) =>
    JSON.stringify(typeof item === "string" ? item : JSON.stringify(item)),
  );
  causes.push({
    field: path || "<nil>",
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${allowed.join(", ")}`,
  });
}

function checkObject(
  node: SchemaNode,
  value: Readonly<Record<string, unknown>>,
  path: string,
  causes: FieldCause[],
): void {
  const { minProperties, maxProperties } = node.raw;
  if (minProperties !== undefined || maxProperties !== undefined) {
    const count = Object.keys(value).length;
    if (minProperties !== undefined && count < minProperties)
      causes.push(invalid(path, count, `should have at least ${minProperties} properties`));
    if (maxProperties !== undefined && count > maxProperties)
      causes.push(tooMany(path, count, maxProperties));
  }
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  for (const name of node.required)
    if (!Object.hasOwn(value, name))
      causes.push({ field: at(name), reason: "FieldValueRequired", message: "Required value" });
  for (const name of Object.keys(value)) {
    const child = fieldSchema(node, name);
    if (child === undefined || child === anyValue || child.definition === objectMeta) continue;
    check(child, value[name], at(name), causes);
  }
}
