import { isJsonObject, type JsonObject } from "../patch/json-value.ts";
import type { GroupVersionKind, RawSchema } from "../schema/schema-node.ts";
import { loadBuiltInSchema } from "../schema/schema-set.ts";
import type { OpenApiResource } from "./open-api-resource.ts";

/** Definitions that every document has, since its operations mention them. */
const always = ["DeleteOptions", "Status", "WatchEvent", "ListMeta", "ObjectMeta"].map(
  (name) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`,
);

/** The definitions that the resources need, by name, with "#/definitions/…" references. */
export function definitionsFor(resources: readonly OpenApiResource[]): ReadonlyMap<string, RawSchema> {
  const { definitions } = loadBuiltInSchema();
  const found = new Map<string, RawSchema>();
  const add = (name: string): void => {
    const schema = definitions[name];
    if (schema === undefined || found.has(name)) return;
    found.set(name, schema);
    for (const reference of referencesIn(schema)) add(reference);
  };
  for (const name of always) add(name);
  for (const resource of resources) {
    if (resource.custom === undefined) {
      for (const kind of [resource.kind, resource.listKind]) add(definitionName({ ...resource, kind }) ?? "");
      for (const part of resource.subresources)
        if (part.kind !== undefined)
          add(
            definitionName({
              group: part.group ?? resource.group,
              version: part.version ?? resource.version,
              kind: part.kind,
            }) ?? "",
          );
    } else
      for (const [name, schema] of customDefinitions(resource, resource.custom.schema))
        found.set(name, schema);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Name of the definition of a kind; undefined when the documents have none. */
export function definitionName({ group, version, kind }: GroupVersionKind): string | undefined {
  return loadBuiltInSchema().definitionName(group, version, kind);
}

/** Name of the definition of a custom kind: the group backwards, as in "io.istio.networking.v1.Gateway". */
export function customDefinitionName({ group, version, kind }: GroupVersionKind): string {
  return [...group.split(".").reverse(), version, kind].join(".");
}

const listMeta = { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta" };
const objectMeta = { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" };

function* customDefinitions(
  resource: OpenApiResource,
  schema: unknown,
): Iterable<readonly [name: string, schema: RawSchema]> {
  const { group, version, kind, listKind } = resource;
  const raw: RawSchema = isJsonObject(schema) ? schema : { type: "object" };
  const text = { type: "string" };
  const name = customDefinitionName(resource);
  yield [
    name,
    {
      ...raw,
      type: "object",
      properties: { ...raw.properties, apiVersion: text, kind: text, metadata: objectMeta },
      "x-kubernetes-group-version-kind": [{ group, kind, version }],
    },
  ];
  yield [
    customDefinitionName({ group, version, kind: listKind }),
    {
      type: "object",
      required: ["items"],
      properties: {
        apiVersion: text,
        kind: text,
        metadata: listMeta,
        items: { type: "array", items: { $ref: `#/definitions/${name}` } },
      },
      "x-kubernetes-group-version-kind": [{ group, kind: listKind, version }],
    },
  ];
}

const prefix = "#/definitions/";

function* referencesIn(schema: unknown): Iterable<string> {
  if (Array.isArray(schema)) {
    for (const item of schema) yield* referencesIn(item);
  } else if (isJsonObject(schema)) {
    const reference = schema["$ref"];
    if (typeof reference === "string" && reference.startsWith(prefix)) yield reference.slice(prefix.length);
    for (const value of Object.values(schema)) if (typeof value === "object") yield* referencesIn(value);
  }
}

/** A schema with every part rewritten by `change`, from the inside out. Fields that are no schemas stay. */
export function mapSchema(schema: RawSchema, change: (part: RawSchema) => JsonObject): JsonObject {
  const inner = (part: RawSchema): RawSchema => mapSchema(part, change);
  const each = (parts: readonly RawSchema[] | undefined) => parts?.map(inner);
  const { properties, items, additionalProperties, allOf, anyOf, oneOf, not } = schema;
  return change({
    ...schema,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [name, inner(part)]),
          ),
        }),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: inner(additionalProperties) }
      : {}),
    ...(allOf === undefined ? {} : { allOf: each(allOf) ?? [] }),
    ...(anyOf === undefined ? {} : { anyOf: each(anyOf) ?? [] }),
    ...(oneOf === undefined ? {} : { oneOf: each(oneOf) ?? [] }),
    ...(not === undefined ? {} : { not: inner(not) }),
  });
}
