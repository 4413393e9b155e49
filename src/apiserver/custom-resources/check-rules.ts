import {
  fieldSchema,
  jsonEqual,
  type RawSchema,
  type SchemaNode,
  type ValidationRule,
} from "../../kube/index.ts";
import { type CelProgram, celProblem, compileCel, toCel } from "../cel/index.ts";
import { isObject } from "../draft.ts";
import type { Cause } from "../status.ts";

/** A rule and the value that it is to be asked about. */
interface Question {
  readonly rule: ValidationRule;
  readonly schema: SchemaNode;
  readonly path: string;
  readonly value: unknown;
  /** The value that was at the same place; undefined when there was none or its place cannot be told. */
  readonly old: unknown;
}

/** Most questions about one object; a definition with lists of lists could ask without end. */
const mostQuestions = 20_000;
const mostCauses = 100;

/**
 * What the rules of a definition (x-kubernetes-validations) say against a custom object. A value that has not
 * changed is not asked about, so that a rule made stricter does not lock objects that are there (ratcheting).
 */
export async function checkRules(schema: SchemaNode, object: unknown, old: unknown): Promise<Cause[]> {
  const questions: Question[] = [];
  collect(schema, object, old, "", questions);
  const causes: Cause[] = [];
  for (const question of questions) {
    const cause = await answer(question);
    if (cause !== undefined) causes.push(cause);
    if (causes.length >= mostCauses) break;
  }
  return causes;
}

/** Whether a schema has any rules. */
export function hasRules(schema: SchemaNode): boolean {
  return rulesBelow(schema.raw);
}

const withRules = new WeakMap<RawSchema, boolean>();

/** Whether there are rules at this place or anywhere below. */
function rulesBelow(raw: RawSchema): boolean {
  let known = withRules.get(raw);
  if (known === undefined) {
    const { additionalProperties: values, items, properties } = raw;
    known =
      (raw["x-kubernetes-validations"] ?? []).length > 0 ||
      (typeof values === "object" && rulesBelow(values)) ||
      (items !== undefined && rulesBelow(items)) ||
      Object.values(properties ?? {}).some(rulesBelow);
    withRules.set(raw, known);
  }
  return known;
}

function collect(
  schema: SchemaNode,
  value: unknown,
  old: unknown,
  path: string,
  questions: Question[],
): void {
  if (value === undefined || value === null || !rulesBelow(schema.raw)) return;
  for (const rule of schema.raw["x-kubernetes-validations"] ?? [])
    if (questions.length < mostQuestions) questions.push({ rule, schema, path, value, old });
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    const before = Array.isArray(old) ? old : [];
    for (const [index, item] of value.entries())
      collect(items, item, sameItem(schema, before, item), `${path}[${index}]`, questions);
  } else if (isObject(value)) {
    const before = isObject(old) ? old : {};
    for (const [name, inner] of Object.entries(value)) {
      const child = fieldSchema(schema, name);
      // Entries of a map are named by their keys in brackets, fields by their names.
      const at = schema.properties.has(name) || schema.values === undefined;
      const step = at ? (path === "" ? name : `${path}.${name}`) : `${path}[${name}]`;
      if (child !== undefined) collect(child, inner, before[name], step, questions);
    }
  }
}

/** The old item with the same keys. Items of lists without keys are never the same as others. */
function sameItem(schema: SchemaNode, before: readonly unknown[], item: unknown): unknown {
  if (schema.raw["x-kubernetes-list-type"] !== "map" || !isObject(item)) return undefined;
  return before.find(
    (one) => isObject(one) && schema.listMapKeys.every((key) => jsonEqual(one[key], item[key])),
  );
}

async function answer(question: Question): Promise<Cause | undefined> {
  const { rule, schema, value, old } = question;
  const asksOld = /\boldSelf\b/.test(rule.rule);
  if (asksOld && rule.optionalOldSelf !== true && old === undefined) return undefined;
  if (!asksOld && old !== undefined && jsonEqual(value, old)) return undefined;
  const type = schema.type ?? "object";
  const complain = (says: string): Cause => ({
    field: question.path + (rule.fieldPath ?? "") || "<nil>",
    reason: rule.reason ?? "FieldValueInvalid",
    message: phrase(rule, type, says),
  });
  const said = rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
  let program: CelProgram;
  try {
    program = await compileCel(rule.optionalOldSelf === true ? optionalOldSelf(rule.rule) : rule.rule);
  } catch (reason) {
    return complain(`rule compile error: ${celProblem(reason)}`);
  }
  const variables = {
    self: toCel(value, schema),
    ...(asksOld ? { oldSelf: toCel(old, schema) ?? null, hasOldSelf: old !== undefined } : {}),
  };
  try {
    if (program(variables) === true) return undefined;
  } catch (reason) {
    return complain(`${celProblem(reason)} evaluating rule: ${said}`);
  }
  return complain((await expressedMessage(rule, variables)) ?? said);
}

/** The rule with an oldSelf that may be absent. */
function optionalOldSelf(rule: string): string {
  return `cel.bind(oldSelf, hasOldSelf ? optional.of(oldSelf) : optional.none(), ${rule})`;
}

/** The text of messageExpression; undefined when it fails or gives no single line, as Kubernetes has it. */
async function expressedMessage(
  rule: ValidationRule,
  variables: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  if (rule.messageExpression === undefined) return undefined;
  try {
    const message = (await compileCel(rule.messageExpression))(variables);
    if (typeof message !== "string" || message.trim() === "" || message.includes("\n")) return undefined;
    return message.trim();
  } catch {
    return undefined;
  }
}

function phrase(rule: ValidationRule, type: string, says: string): string {
  switch (rule.reason) {
    case "FieldValueForbidden":
      return `Forbidden: ${says}`;
    case "FieldValueRequired":
      return `Required value: ${says}`;
    case "FieldValueDuplicate":
      return `Duplicate value: ${JSON.stringify(type)}`;
    default:
      return `Invalid value: ${JSON.stringify(type)}: ${says}`;
  }
}
