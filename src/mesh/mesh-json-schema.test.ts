import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { meshJsonSchema } from "./mesh-json-schema.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Every named field of a schema with its path. */
function fieldsOf(schema: Schema, path: string): [string, Schema][] {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const inner = [schema["items"], schema["additionalProperties"], ...((schema["anyOf"] ?? []) as Schema[])];
  return [
    ...properties.flatMap(([name, one]): [string, Schema][] => [
      [`${path}.${name}`, one],
      ...fieldsOf(one, `${path}.${name}`),
    ]),
    ...inner.flatMap((one) =>
      typeof one === "object" && one !== null ? fieldsOf(one as Schema, `${path}[]`) : [],
    ),
  ];
}

suite("meshJsonSchema()", () => {
  const schema = meshJsonSchema() as Schema;

  test("is plain JSON, and refuses unknown fields as parseMesh does", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
    assert.equal(schema["additionalProperties"], false);
    assert.deepEqual(schema["required"], ["apiVersion", "kind", "clusters"]);
  });

  test("MESH-07 describes every field, so that editors can show what it means", () => {
    const silent = fieldsOf(schema, "mesh")
      .filter(([path, one]) => one["description"] === undefined && !/\.addons\[\]\.\w+$/.test(path))
      .map(([path]) => path);
    assert.deepEqual(silent, []);
  });

  test("knows the fields of clusters, and what they are when not written", () => {
    const fields = new Map(fieldsOf(schema, "mesh"));
    assert.equal(fields.get("mesh.clusters[].role")?.["default"], "workload");
    assert.deepEqual(fields.get("mesh.clusters[].role")?.["enum"], ["workload", "management"]);
    assert.equal(fields.get("mesh.gateways.eastwest[].port")?.["default"], 15443);
    assert.equal(fields.get("mesh.clusters[].istio.version")?.["type"], "string");
  });
});
