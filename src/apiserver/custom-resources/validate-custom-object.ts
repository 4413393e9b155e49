import { type KubeObject, type SchemaNode, validateValue } from "../../kube/index.ts";
import type { Draft } from "../draft.ts";
import type { Cause } from "../status.ts";
import { checkRules, hasRules } from "./check-rules.ts";

/** Mistakes after which a rule could not trust what it sees. */
const blocking = new Set(["FieldValueTypeInvalid", "FieldValueRequired", "FieldValueTooLong"]);

const rulesNotChecked: Cause = {
  field: "<nil>",
  reason: "FieldValueInvalid",
  message:
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

/**
 * What its definition says against a custom object: the schema first, then the rules in CEL, which are left out
 * while the shape is wrong. `old` is the object that it replaces.
 */
export async function validateCustomObject(
  schema: SchemaNode | undefined,
  object: Draft,
  old?: KubeObject,
): Promise<Cause[]> {
  if (schema === undefined) return [];
  const causes: Cause[] = [...validateValue(schema, object)];
  if (causes.some(({ reason }) => blocking.has(reason)))
    return hasRules(schema) ? [...causes, rulesNotChecked] : causes;
  return [...causes, ...(await checkRules(schema, object, old))];
}
