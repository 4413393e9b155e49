import type { KubeObject } from "../../kube/index.ts";
import { acceptedForm, type Form } from "../http/accepted-form.ts";
import { type Answer, type Call, json, type ListAnswer } from "../http/call.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { inVersion } from "../storage/in-version.ts";
import { toTable } from "../tables/index.ts";
import type { Context } from "./context.ts";

/** The form that a call asks for. A table of one object is asked for like one of many. */
export function formOf(call: Call): Form {
  return acceptedForm(call.headers["accept"]);
}

/** The answer that shows one object: itself, its metadata, or a table of one row, as the client asked. */
export function objectAnswer(
  context: Context,
  call: Call,
  type: ResourceType,
  status: number,
  object: KubeObject,
): Answer {
  const shown = inVersion(type, object);
  return json(status, inForm(context, call, type, formOf(call), shown));
}

/** One object in the asked form. */
export function inForm(
  context: Context,
  call: Call,
  type: ResourceType,
  form: Form,
  object: KubeObject,
): object {
  switch (form.as) {
    case "object":
      return object;
    case "partial":
      return partial(form, object);
    case "table":
      return table(context, call, type, form, [object], { resourceVersion: object.metadata.resourceVersion });
  }
}

/** A list in the asked form. */
export function listAnswer(context: Context, call: Call, type: ResourceType, list: ListAnswer): Answer {
  const form = formOf(call);
  switch (form.as) {
    case "object":
      return list;
    case "partial":
      return json(200, {
        kind: "PartialObjectMetadataList",
        apiVersion: `meta.k8s.io/${form.version}`,
        metadata: list.metadata,
        items: list.items.map((object) => partial(form, object)),
      });
    case "table":
      return json(200, table(context, call, type, form, list.items, list.metadata));
  }
}

const partials = new WeakMap<KubeObject, object>();

function partial(form: Form, object: KubeObject): object {
  if (form.version !== "v1")
    return {
      kind: "PartialObjectMetadata",
      apiVersion: `meta.k8s.io/${form.version}`,
      metadata: object.metadata,
    };
  const known = partials.get(object);
  if (known !== undefined) return known;
  const made = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
  partials.set(object, made);
  return made;
}

function table(
  context: Context,
  call: Call,
  type: ResourceType,
  form: Form,
  objects: readonly KubeObject[],
  metadata: object,
): object {
  const include = call.query.get("includeObject");
  const made = toTable(type, objects, {
    includeObject: include === "Object" || include === "None" ? include : "Metadata",
    now: context.clock.now(),
  });
  return { ...made, apiVersion: `meta.k8s.io/${form.version}`, metadata };
}
