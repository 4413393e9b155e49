import type { Cause } from "./status.ts";

function shown(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

/** A field that must be there and is not. */
export function required(field: string, detail = ""): Cause {
  return {
    reason: "FieldValueRequired",
    message: `Required value${detail === "" ? "" : `: ${detail}`}`,
    field,
  };
}

/** A value that breaks a rule. */
export function invalidValue(field: string, value: unknown, detail: string): Cause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${shown(value)}: ${detail}`, field };
}

/** A value that is none of the allowed ones. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): Cause {
  const values = supported.map((one) => JSON.stringify(one)).join(", ");
  const message = `Unsupported value: ${shown(value)}: supported values: ${values}`;
  return { reason: "FieldValueNotSupported", message, field };
}

/** A field that must not be set, or must not be set like this. */
export function fieldForbidden(field: string, detail: string): Cause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${detail}`, field };
}

/** A value that stands in its list twice. */
export function duplicate(field: string, value: unknown): Cause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${shown(value)}`, field };
}

/** A reference to something that is not there. */
export function missing(field: string, value: unknown): Cause {
  return { reason: "FieldValueNotFound", message: `Not found: ${shown(value)}`, field };
}

/** A text of more bytes than allowed. */
export function tooLong(field: string, most: number): Cause {
  return { reason: "FieldValueTooLong", message: `Too long: may not be more than ${most} bytes`, field };
}

/** The cause of a field that was changed although it never may. */
export function immutable(field: string, value: unknown): Cause {
  return invalidValue(field, value, "field is immutable");
}
