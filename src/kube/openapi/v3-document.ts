import type { JsonObject } from "../patch/json-value.ts";
import type { RawSchema } from "../schema/schema-node.ts";
import { definitionsFor, mapSchema } from "./definitions.ts";
import type { OpenApiResource } from "./open-api-resource.ts";
import { extensionsOf, type Operation, type Parameter, pathsDocument } from "./operations.ts";

/** Built-in values that JSON writes in more than one way. */
const choices: Readonly<Record<string, JsonObject>> = {
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
    format: "int-or-string",
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
  "io.k8s.apimachinery.pkg.api.resource.Quantity": { oneOf: [{ type: "string" }, { type: "number" }] },
};

/**
 * The OpenAPI v3 document of one group version, as much of it as Kubernetes' clients read: the schemas with
 * their merge keys, and the paths with actions, kinds, parameters and media types. `kubernetesVersion` is like
 * "1.33.1".
 */
export function openApiV3Document(
  resources: readonly OpenApiResource[],
  kubernetesVersion: string,
): JsonObject {
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: `v${kubernetesVersion}` },
    paths: pathsDocument(resources, {
      operation: formatOperation,
      pathParameter: (name) => parameter({ name, type: "string" }, "path"),
    }),
    components: {
      schemas: Object.fromEntries(
        [...definitionsFor(resources)].map(([name, schema]) => [
          name,
          choices[name] ?? mapSchema(schema, v3Schema),
        ]),
      ),
    },
  };
}

function v3Schema(schema: RawSchema): JsonObject {
  const { $ref, ...beside } = schema;
  if ($ref === undefined) return schema as JsonObject;
  const reference = { $ref: v3Reference($ref.slice("#/definitions/".length)) };
  // Beside a reference nothing counts, so what stands beside it goes around it.
  return Object.keys(beside).length === 0 ? reference : { allOf: [reference], ...beside };
}

function v3Reference(name: string): string {
  return `#/components/schemas/${name}`;
}

function parameter({ name, type }: Parameter, place: "query" | "path"): JsonObject {
  return { name, in: place, schema: { type, uniqueItems: true } };
}

function formatOperation(operation: Operation): JsonObject {
  const { query, consumes, body, answer } = operation;
  const schemaOf = (name: string | undefined) =>
    name === undefined ? {} : { schema: { $ref: v3Reference(name) } };
  return {
    parameters: query.map((one) => parameter(one, "query")),
    ...(consumes.length === 0
      ? {}
      : { requestBody: { content: Object.fromEntries(consumes.map((type) => [type, schemaOf(body)])) } }),
    responses: { "200": { description: "OK", content: { "application/json": schemaOf(answer) } } },
    ...extensionsOf(operation),
  };
}
