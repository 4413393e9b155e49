import { type SchemaNode, validateValue } from "../../kube/index.ts";
import type { Draft } from "../draft.ts";
import type { Cause } from "../status.ts";

/** What the schema of its definition says against a custom object. */
export function validateCustomObject(schema: SchemaNode | undefined, object: Draft): Cause[] {
  if (schema === undefined) return [];
  return [...validateValue(schema, object)];
}
