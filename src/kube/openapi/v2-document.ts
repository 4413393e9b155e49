import type { JsonObject } from "../patch/json-value.ts";
import type { RawSchema } from "../schema/schema-node.ts";
import { definitionsFor, mapSchema } from "./definitions.ts";
import type { OpenApiResource } from "./open-api-resource.ts";
import { extensionsOf, type Operation, pathsDocument } from "./operations.ts";

/**
 * The OpenAPI v2 (Swagger 2.0) document of all resources, as JSON; older kubectls read it in protobuf
 * (encodeOpenApiV2). `kubernetesVersion` is like "1.33.1".
 */
export function openApiV2Document(
  resources: readonly OpenApiResource[],
  kubernetesVersion: string,
): JsonObject {
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: `v${kubernetesVersion}` },
    paths: pathsDocument(resources, {
      operation: formatOperation,
      pathParameter: (name) => ({ name, in: "path", type: "string", uniqueItems: true }),
    }),
    definitions: Object.fromEntries(
      [...definitionsFor(resources)].map(([name, schema]) => [name, mapSchema(schema, v2Schema)]),
    ),
  };
}

/** What version 2 cannot say is left open, so that clients let it through and leave it to the server. */
function v2Schema(schema: RawSchema): JsonObject {
  const { nullable, anyOf, oneOf, not, ...rest } = schema;
  if (
    schema["x-kubernetes-preserve-unknown-fields"] === true ||
    schema["x-kubernetes-int-or-string"] === true ||
    nullable === true
  ) {
    const { type: _, properties: __, items: ___, additionalProperties: ____, ...open } = rest;
    return open as JsonObject;
  }
  return rest as JsonObject;
}

function formatOperation(operation: Operation): JsonObject {
  const { query, consumes, body, answer } = operation;
  const schemaOf = (name: string | undefined) =>
    name === undefined ? {} : { schema: { $ref: `#/definitions/${name}` } };
  return {
    ...(consumes.length === 0 ? {} : { consumes }),
    produces: ["application/json", "application/yaml"],
    parameters: [
      ...query.map(({ name, type }) => ({ name, in: "query", type, uniqueItems: true })),
      ...(body === undefined ? [] : [{ name: "body", in: "body", ...schemaOf(body) }]),
    ],
    responses: { "200": { description: "OK", ...schemaOf(answer) } },
    ...extensionsOf(operation),
  };
}
