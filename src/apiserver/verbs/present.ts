import type { KubeObject } from "../../kube/index.ts";
import { acceptedForm, type Form } from "../http/accepted-form.ts";
import { type Answer, type Call, json, type ListAnswer } from "../http/call.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { inVersion } from "../storage/in-version.ts";
import { jsonText } from "../storage/json-text.ts";
import { partialObject, type Table, toTable } from "../tables/index.ts";
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
    case "table": {
      const made = table(context, call, type, form, list.items, list.metadata);
      return { kind: "json", status: 200, body: made, text: () => tableText(made) };
    }
  }
}

function partial(form: Form, object: KubeObject): object {
  const made = partialObject(object);
  return form.version === "v1" ? made : { ...made, apiVersion: `meta.k8s.io/${form.version}` };
}

function table(
  context: Context,
  call: Call,
  type: ResourceType,
  form: Form,
  objects: readonly KubeObject[],
  metadata: object,
): ShownTable {
  const include = call.query.get("includeObject");
  const made = toTable(type, objects, {
    includeObject: include === "Object" || include === "None" ? include : "Metadata",
    now: context.clock.now(),
  });
  return { ...made, apiVersion: `meta.k8s.io/${form.version}`, metadata };
}

type ShownTable = Omit<Table, "apiVersion"> & { readonly apiVersion: string; readonly metadata: object };

/** A table as JSON. What of the objects comes with the rows is the same at every list, and written out once. */
function tableText({ rows, ...head }: ShownTable): string {
  const lines = rows.map(({ object, ...row }) => {
    const text = JSON.stringify(row);
    return object === undefined ? text : `${text.slice(0, -1)},"object":${jsonText(object)}}`;
  });
  return `${JSON.stringify(head).slice(0, -1)},"rows":[${lines.join(",")}]}`;
}
