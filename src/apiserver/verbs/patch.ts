import {
  ApplyError,
  anyValue,
  apiVersionOf,
  applyJsonPatch,
  applyMergePatch,
  applyObject,
  applyStrategicMergePatch,
  type KubeObject,
  PatchError,
  type SchemaNode,
} from "../../kube/index.ts";
import { cloneJson, type Draft, isObject } from "../draft.ts";
import { mediaType } from "../http/accepted-form.ts";
import type { Answer, Call } from "../http/call.ts";
import { type DecodedBody, decodeJson, decodeYaml } from "../http/decode-body.ts";
import {
  applyConflict,
  badRequest,
  invalid,
  notFound,
  unsupportedMediaType,
  unusablePatch,
} from "../status.ts";
import { inVersion } from "../storage/in-version.ts";
import { type Part, partOf } from "../subresources/parts.ts";
import { type Context, keyOf, type Target, timestamp } from "./context.ts";
import { createObject } from "./create.ts";
import { takeIn, withDefaults } from "./incoming.ts";
import { objectAnswer } from "./present.ts";
import { updateObject } from "./update.ts";
import { type WriteOptions, writeOptions } from "./write-options.ts";

const json = "application/json-patch+json";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";
const apply = "application/apply-patch+yaml";

/** Answers a PATCH of an object or of a part of it, in any of the four forms. */
export async function patch(context: Context, call: Call, target: Target): Promise<Answer> {
  const { type: form } = mediaType(call.headers["content-type"] ?? "");
  const custom = target.type.custom !== undefined;
  const accepted = custom ? [json, merge, apply] : [json, merge, strategic, apply];
  if (!accepted.includes(form)) throw unsupportedMediaType(accepted);
  const body = await call.readBody();
  if (body.kind === "none") throw badRequest("the request has no body");
  const decoded: DecodedBody =
    body.kind === "value"
      ? { value: body.value, text: undefined, owned: false }
      : form === apply
        ? await decodeYaml(body.bytes.toString())
        : decodeJson(body.bytes);
  if (form === apply) return serverSideApply(context, call, target, decoded);
  return patchPresent(context, call, target, form, decoded);
}

async function patchPresent(
  context: Context,
  call: Call,
  target: Target,
  form: string,
  body: DecodedBody,
): Promise<Answer> {
  const options = writeOptions(call);
  const part = partOf(target.type, target.subresource);
  const schema = context.schemaOf(part.bodyType);
  const stored = await updateObject(
    context,
    call,
    target,
    {
      part: part.changes,
      optionsKind: "PatchOptions",
      next(old) {
        const present = inVersion(part.bodyType, part.read(old));
        const patched = patchValue(form, present, body.value, schema);
        const text = form === json ? undefined : body.text;
        return wholeFrom(context, call, target, part, old, options, { value: patched, text, owned: false });
      },
    },
    options,
  );
  return objectAnswer(context, call, part.bodyType, 200, part.read(stored));
}

/** The whole object, in the stored version, from a part that a patch has made. */
function wholeFrom(
  context: Context,
  call: Call,
  target: Target,
  part: Part,
  old: KubeObject,
  options: WriteOptions,
  body: DecodedBody,
): Draft {
  const incoming = { options, warn: (text: string) => call.warn(text) };
  const sent = takeIn(context, { ...target, type: part.bodyType }, body, incoming);
  return withDefaults(context, target.type, part.write(old, sent));
}

function patchValue(
  form: string,
  present: KubeObject,
  body: unknown,
  schema: SchemaNode | undefined,
): unknown {
  try {
    if (form === json) return applyJsonPatch(present, body);
    if (!isObject(body)) throw badRequest("the patch is no JSON object");
    if (form === merge || schema === undefined) return applyMergePatch(present, body);
    return applyStrategicMergePatch(present, body, schema);
  } catch (reason) {
    if (!(reason instanceof PatchError)) throw reason;
    if (reason.reason === "BadRequest") throw badRequest(reason.message);
    throw unusablePatch(reason.message);
  }
}

async function serverSideApply(
  context: Context,
  call: Call,
  target: Target,
  body: DecodedBody,
): Promise<Answer> {
  const { type, name = "", namespace } = target;
  const options = writeOptions(call);
  if ((call.query.get("fieldManager") ?? "") === "")
    throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
      {
        reason: "FieldValueRequired",
        message: "Required value: is required for apply patch",
        field: "fieldManager",
      },
    ]);
  if (!isObject(body.value)) throw badRequest("the applied configuration is no object");
  const part = partOf(type, target.subresource);
  const bodyType = part.bodyType;
  const { apiVersion, kind } = body.value;
  if (apiVersion === undefined || kind === undefined)
    throw badRequest(
      `Object 'Kind' or 'apiVersion' is missing in the applied configuration of ${type.plural}`,
    );
  const metadata = isObject(body.value["metadata"]) ? body.value["metadata"] : {};
  if (Array.isArray(metadata["managedFields"]) && metadata["managedFields"].length > 0)
    throw badRequest("metadata.managedFields must be nil");
  const incoming = { options, warn: (text: string) => call.warn(text) };
  // Checks fields as for any object; what is applied stays what the client sent, without defaults.
  const applied = appliedConfiguration(context, { ...target, type: bodyType }, body, incoming);
  const schema = context.schemaOf(bodyType) ?? anyValue;

  const merged = (live: KubeObject | undefined) => {
    try {
      const { object, conflicts } = applyObject({
        live: live === undefined ? undefined : inVersion(bodyType, live),
        applied,
        manager: options.fieldManager,
        apiVersion: apiVersionOf(bodyType),
        schema,
        force: options.force,
        ...(target.subresource === undefined ? {} : { subresource: target.subresource }),
        time: timestamp(context.clock.now()),
      });
      if (conflicts.length > 0) throw applyConflict(conflicts);
      return object;
    } catch (reason) {
      if (reason instanceof ApplyError) throw badRequest(reason.message);
      throw reason;
    }
  };
  const quiet = { options: { fieldValidation: "Ignore" }, warn() {} } as const;
  const resource = context.store.resource(type.storedAs);
  if (resource.get(keyOf(name, namespace)) === undefined) {
    if (target.subresource !== undefined) throw notFound(type, name);
    const made = { value: cloneJson(merged(undefined)), text: undefined, owned: true };
    const draft = withDefaults(context, type, takeIn(context, target, made, quiet));
    const object = await createObject(context, call, target, draft, options, true);
    return objectAnswer(context, call, type, 201, object);
  }
  const stored = await updateObject(
    context,
    call,
    target,
    {
      part: part.changes,
      optionsKind: "PatchOptions",
      managed: part.changes !== "other",
      next(old) {
        const object = { value: merged(part.read(old)), text: undefined, owned: false };
        const sent = takeIn(context, { ...target, type: bodyType }, object, quiet);
        return withDefaults(context, type, part.write(old, sent));
      },
    },
    options,
  );
  return objectAnswer(context, call, bodyType, 200, part.read(stored));
}

function appliedConfiguration(
  context: Context,
  target: Target,
  body: DecodedBody,
  incoming: { options: WriteOptions; warn(text: string): void },
): KubeObject {
  const { type } = target;
  // In the version that the client wrote: owners of fields are noted by it.
  const asWritten = { ...type, storedVersion: apiVersionOf(type) };
  const whole = takeIn(context, { ...target, type: asWritten }, { ...body, owned: false }, incoming);
  const hasStatus = type.subresources.some(({ name }) => name === "status");
  const { status, ...rest } = whole;
  // Nobody comes to own what this path cannot set.
  if (target.subresource === undefined && hasStatus) return rest;
  if (target.subresource !== "status") return whole;
  const { apiVersion, kind, metadata } = rest;
  return { apiVersion, kind, metadata, ...(status === undefined ? {} : { status }) };
}
