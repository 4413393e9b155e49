import {
  apiVersionOf,
  applyDefaults,
  decodeError,
  duplicateFieldErrors,
  prune,
  strictFieldErrors,
} from "../../kube/index.ts";
import { cloneJson, type Draft, isObject, type JsonObject } from "../draft.ts";
import type { DecodedBody } from "../http/decode-body.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { badRequest } from "../status.ts";
import { toStoredVersion } from "../storage/in-version.ts";
import type { Context, Target } from "./context.ts";
import type { WriteOptions } from "./write-options.ts";

interface Incoming {
  readonly options: Pick<WriteOptions, "fieldValidation">;
  warn(text: string): void;
}

/**
 * Takes in an object that a client sent: checks that it is of the right kind and place, reports or drops fields
 * that the kind does not have, and gives it back in the stored version with its defaults, as a draft of this
 * request. Throws a 400.
 */
export function takeIn(context: Context, target: Target, body: DecodedBody, incoming: Incoming): Draft {
  const { type, namespace, name } = target;
  if (!isObject(body.value))
    throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): it is no object`);
  checkKind(type, body.value);
  const draft = (body.owned ? body.value : cloneJson(body.value)) as Draft;
  if (!isObject(draft.metadata)) draft.metadata = { name: "" };
  if (draft.metadata.name === undefined) draft.metadata.name = "";
  const place = draft.metadata.namespace ?? "";
  if (type.namespaced) {
    if (place !== "" && namespace !== undefined && place !== namespace)
      throw badRequest(
        "the namespace of the provided object does not match the namespace sent on the request",
      );
    if (namespace !== undefined) draft.metadata.namespace = namespace;
  } else delete draft.metadata.namespace;
  if (name !== undefined) {
    if (draft.metadata.name === "") draft.metadata.name = name;
    else if (draft.metadata.name !== name)
      throw badRequest(
        `the name of the object (${draft.metadata.name}) does not match the name on the URL (${name})`,
      );
  }
  const known = checkFields(context, type, draft, body.text, incoming);
  dropNulls(known.metadata);
  toStoredVersion(type, known);
  return known;
}

/** Fills in the defaults of the kind, and those that a custom resource's schema names. */
export function withDefaults(context: Context, type: ResourceType, draft: Draft): Draft {
  type.strategy.setDefaults?.(draft);
  if (type.custom === undefined) return draft;
  const schema = context.schemaOf(type);
  if (schema === undefined) return draft;
  const filled = applyDefaults(schema, draft);
  // The default of a schema is one value for all objects, and drafts are changed in place.
  return filled === draft ? draft : (cloneJson(filled) as Draft);
}

function checkKind(type: ResourceType, value: JsonObject): void {
  const { apiVersion, kind } = value;
  const wanted = apiVersionOf(type);
  value["apiVersion"] ??= wanted;
  value["kind"] ??= type.kind;
  if (kind !== undefined && kind !== type.kind)
    throw badRequest(
      apiVersion === undefined || apiVersion === wanted
        ? `${String(kind)} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: the kind in the data (${String(kind)}) does not match the expected kind (${type.kind})`
        : `the API version in the data (${String(apiVersion)}) does not match the expected API version (${wanted})`,
    );
  if (apiVersion !== undefined && apiVersion !== wanted)
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${wanted})`,
    );
}

function checkFields(
  context: Context,
  type: ResourceType,
  draft: Draft,
  text: string | undefined,
  { options, warn }: Incoming,
): Draft {
  const schema = context.schemaOf(type);
  if (schema === undefined) return draft;
  const what = `${type.kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}`;
  if (type.custom === undefined) {
    const problem = decodeError(schema, draft);
    if (problem !== undefined) throw badRequest(`${what}: ${problem}`);
  } else if (!isStringMap(draft.metadata.labels) || !isStringMap(draft.metadata.annotations))
    throw badRequest(`${what}: unable to decode metadata: labels and annotations must be maps of strings`);
  if (options.fieldValidation !== "Ignore") {
    const errors = [
      ...(text === undefined ? [] : duplicateFieldErrors(text)),
      ...strictFieldErrors(schema, draft),
    ];
    if (errors.length > 0 && options.fieldValidation === "Strict")
      throw badRequest(`${what}: strict decoding error: ${errors.join(", ")}`);
    for (const error of errors) warn(error);
  }
  return prune(schema, draft);
}

function isStringMap(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    (isObject(value) && Object.values(value).every((one) => typeof one === "string"))
  );
}

/** Go drops nulls of metadata when it decodes; what stays would show up in every answer. */
function dropNulls(metadata: Draft["metadata"]): void {
  const fields = metadata as unknown as JsonObject;
  for (const [field, value] of Object.entries(fields)) if (value === null) delete fields[field];
}
