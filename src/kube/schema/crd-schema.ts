import { createSchemaNode, type RawSchema, type SchemaDialect, type SchemaNode } from "./schema-node.ts";
import { loadBuiltInSchema } from "./schema-set.ts";

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/**
 * The schema of a custom kind, from the openAPIV3Schema of one of its versions. apiVersion, kind and metadata
 * are added, as every object has them. `undefined` (no schema) and a root that preserves unknown fields take
 * any object.
 */
export function schemaFromCrd(openAPIV3Schema: unknown): SchemaNode {
  const raw = isSchema(openAPIV3Schema)
    ? openAPIV3Schema
    : { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const dialect: SchemaDialect = { resolve: () => undefined, bareObjectsAreOpen: false };
  const root = createSchemaNode(withObjectFields(raw), dialect);
  let properties: ReadonlyMap<string, SchemaNode> | undefined;
  return Object.create(root, {
    properties: {
      get() {
        properties ??= withMetadata(root.properties);
        return properties;
      },
    },
  });
}

function withObjectFields(raw: RawSchema): RawSchema {
  return {
    ...raw,
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      ...raw.properties,
      metadata: { type: "object" },
    },
  };
}

function withMetadata(properties: ReadonlyMap<string, SchemaNode>): ReadonlyMap<string, SchemaNode> {
  const metadata = loadBuiltInSchema().definition(objectMeta);
  return metadata === undefined ? properties : new Map(properties).set("metadata", metadata);
}

function isSchema(value: unknown): value is RawSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
