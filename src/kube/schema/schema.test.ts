import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite, test } from "vitest";
import { schemaFromCrd } from "./crd-schema.ts";
import { dataFile, readDataFile } from "./data-file.ts";
import { decodeError } from "./decode-error.ts";
import { applyDefaults, prune } from "./prune.ts";
import type { SchemaNode } from "./schema-node.ts";
import { loadBuiltInSchema } from "./schema-set.ts";
import { duplicateFieldErrors, strictFieldErrors } from "./strict-fields.ts";
import { validateValue } from "./validate-value.ts";

function builtIn(group: string, version: string, kind: string): SchemaNode {
  const schema = loadBuiltInSchema().forKind(group, version, kind);
  assert.ok(schema !== undefined);
  return schema;
}

suite("dataFile()", () => {
  test("finds data/ from the source folder", () => assert.ok(existsSync(dataFile("kubernetes-schema.json"))));

  test("finds dist/data/ from a bundle's chunk, and prefers it to a data/ further up", () => {
    const root = mkdtempSync(path.join(tmpdir(), "data-file-"));
    try {
      mkdirSync(path.join(root, "dist/data"), { recursive: true });
      mkdirSync(path.join(root, "data"));
      writeFileSync(path.join(root, "data/x.json"), "0");
      writeFileSync(path.join(root, "dist/data/x.json"), "1");
      assert.equal(dataFile("x.json", path.join(root, "dist")), path.join(root, "dist/data/x.json"));
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  test("says what is missing", () =>
    assert.throws(() => dataFile("none.json"), /data\/none\.json is missing/));
});

suite("loadBuiltInSchema()", () => {
  test("knows merge keys and list types", () => {
    const containers = builtIn("apps", "v1", "Deployment")
      .properties.get("spec")
      ?.properties.get("template")
      ?.properties.get("spec")
      ?.properties.get("containers");
    assert.equal(containers?.patchMergeKey, "name");
    assert.equal(containers?.listType, "map");
    assert.deepEqual(containers?.items?.properties.get("ports")?.listMapKeys, ["containerPort", "protocol"]);
    assert.equal(
      containers?.items?.properties.get("ports")?.items?.properties.get("protocol")?.default,
      "TCP",
    );
  });
  test("attributes beside a reference win over the definition's", () => {
    const strategy = builtIn("apps", "v1", "Deployment").properties.get("spec")?.properties.get("strategy");
    assert.deepEqual(strategy?.patchStrategies, ["retainKeys"]);
    assert.ok(strategy?.properties.has("rollingUpdate"));
  });
  test("has no schema for a kind that Kubernetes does not have", () =>
    assert.equal(loadBuiltInSchema().forKind("apps", "v1", "Toaster"), undefined));
});

suite("strictFieldErrors()", () => {
  const cases = [
    { object: { spec: { replicas: 1 } }, errors: [] },
    { object: { spec: { foo: 1 } }, errors: ['unknown field "spec.foo"'] },
    {
      object: { spec: { template: { spec: { containers: [{ name: "a" }, { name: "b", imagee: "x" }] } } } },
      errors: ['unknown field "spec.template.spec.containers[1].imagee"'],
    },
    { object: { metadata: { labels: { anything: "x" } } }, errors: [] },
    {
      object: { bogus: {}, metadata: { nam: "x" } },
      errors: ['unknown field "bogus"', 'unknown field "metadata.nam"'],
    },
  ];
  for (const { object, errors } of cases)
    test(JSON.stringify(object), () =>
      assert.deepEqual(strictFieldErrors(builtIn("apps", "v1", "Deployment"), object), errors),
    );
});

suite("duplicateFieldErrors()", () => {
  const cases = [
    { text: '{"a":1,"b":{"c":1}}', errors: [] },
    { text: '{"metadata":{"name":"a","name":"b"}}', errors: ['duplicate field "metadata.name"'] },
    {
      text: '{"a":[{"x":1},{"x":1,"x":"\\"}"}], "a": 1 }',
      errors: ['duplicate field "a[1].x"', 'duplicate field "a"'],
    },
    { text: '{"a":1,"\\u0061":2}', errors: ['duplicate field "a"'] },
    { text: '{"a":', errors: [] },
    { text: "[".repeat(100_000), errors: [] },
  ];
  for (const { text, errors } of cases)
    test(text.slice(0, 60), () => assert.deepEqual(duplicateFieldErrors(text), errors));
});

suite("decodeError()", () => {
  const deployment = builtIn("apps", "v1", "Deployment");
  const cases: readonly [object: unknown, message: string | undefined][] = [
    [{ spec: { replicas: 2 } }, undefined],
    [
      { spec: { replicas: "2" } },
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      { metadata: { labels: { a: 1 } } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      { spec: { template: { spec: { containers: {} } } } },
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      { spec: { paused: "yes" } },
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
    ],
    [{ spec: { strategy: { rollingUpdate: { maxSurge: "25%" } } } }, undefined],
    [
      { spec: { template: { spec: { containers: [{ resources: { limits: { cpu: "lots" } } }] } } } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [{ spec: { template: { spec: { containers: [{ resources: { limits: { cpu: 1 } } }] } } } }, undefined],
  ];
  for (const [object, message] of cases)
    test(message ?? `${JSON.stringify(object)} decodes`, () =>
      assert.equal(decodeError(deployment, object), message),
    );
});

const crd = schemaFromCrd({
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["host"],
      properties: {
        host: { type: "string", minLength: 1, pattern: "^[a-z.]+$" },
        port: { type: "integer", minimum: 1, maximum: 65535 },
        mode: { type: "string", enum: ["A", "B"], default: "A" },
        weight: { "x-kubernetes-int-or-string": true },
        timeout: { type: "string", nullable: true },
        tags: { type: "array", maxItems: 2, items: { type: "string" }, "x-kubernetes-list-type": "set" },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        match: {
          type: "object",
          properties: { exact: { type: "string" }, prefix: { type: "string" } },
          oneOf: [
            { not: { anyOf: [{ required: ["exact"] }, { required: ["prefix"] }] } },
            { required: ["exact"] },
            { required: ["prefix"] },
          ],
        },
      },
    },
  },
});

suite("validateValue()", () => {
  const spec = (more: object) => ({ spec: { host: "a.b", ...more } });
  const cases: readonly [value: object, causes: readonly string[]][] = [
    [spec({ port: 80, mode: "B", weight: "10%", timeout: null, match: { exact: "x" } }), []],
    [{}, ["spec: Required value"]],
    [{ spec: {} }, ["spec.host: Required value"]],
    [
      spec({ host: 1 }),
      ['spec.host: Invalid value: "integer": spec.host in body must be of type string: "integer"'],
    ],
    [
      spec({ host: "" }),
      [
        'spec.host: Invalid value: "": spec.host in body should be at least 1 chars long',
        "spec.host: Invalid value: \"\": spec.host in body should match '^[a-z.]+$'",
      ],
    ],
    [
      spec({ port: 0 }),
      ["spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1"],
    ],
    [
      spec({ port: 70000 }),
      ["spec.port: Invalid value: 70000: spec.port in body should be less than or equal to 65535"],
    ],
    [spec({ mode: "C" }), ['spec.mode: Unsupported value: "C": supported values: "A", "B"']],
    [
      spec({ weight: true }),
      [
        'spec.weight: Invalid value: "boolean": spec.weight in body must be of type integer,string: "boolean"',
      ],
    ],
    [spec({ tags: ["a", "b", "c"] }), ["spec.tags: Too many: 3: must have at most 2 items"]],
    [spec({ tags: ["a", "a"] }), ['spec.tags[1]: Duplicate value: "a"']],
    [
      spec({ port: null }),
      ['spec.port: Invalid value: "null": spec.port in body must be of type integer: "null"'],
    ],
    [
      spec({ match: { exact: "a", prefix: "b" } }),
      [
        '<nil>: Invalid value: "": "spec.match" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ],
  ];
  for (const [value, causes] of cases)
    test(JSON.stringify(value), () =>
      assert.deepEqual(
        validateValue(crd, value).map(({ field, message }) => `${field}: ${message}`),
        causes,
      ),
    );
});

suite("prune() and applyDefaults()", () => {
  const object = {
    apiVersion: "x/v1",
    kind: "X",
    metadata: { name: "a", labels: { l: "1" } },
    spec: { host: "a", extra: 1, free: { any: { thing: 1 } }, match: { exact: "a", more: 2 } },
  };
  test("prune drops unknown fields and keeps what the schema leaves open", () =>
    assert.deepEqual(prune(crd, object), {
      ...object,
      spec: { host: "a", free: { any: { thing: 1 } }, match: { exact: "a" } },
    }));
  test("an object with nothing to drop comes back itself", () => {
    const clean = prune(crd, object);
    assert.equal(prune(crd, clean), clean);
  });
  test("defaults fill absent fields and take the place of nulls", () => {
    assert.deepEqual(applyDefaults(crd, { spec: { host: "a" } }), { spec: { host: "a", mode: "A" } });
    assert.deepEqual(applyDefaults(crd, { spec: { mode: null, port: null, timeout: null } }), {
      spec: { mode: "A", timeout: null },
    });
  });
});

suite("the CRDs of Istio", () => {
  interface Crds {
    readonly crds: readonly {
      readonly name: string;
      readonly spec: {
        readonly versions: readonly {
          readonly name: string;
          readonly schema: { readonly openAPIV3Schema: unknown };
        }[];
      };
    }[];
  }
  const { crds } = readDataFile("istio-crds.json") as Crds;
  const schemaOf = (name: string) =>
    schemaFromCrd(crds.find((crd) => crd.name === name)?.spec.versions[0]?.schema.openAPIV3Schema);

  test("a VirtualService passes", () =>
    assert.deepEqual(
      validateValue(schemaOf("virtualservices.networking.istio.io"), {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "x" },
        spec: {
          hosts: ["x"],
          http: [
            {
              match: [{ uri: { prefix: "/a" } }],
              route: [{ destination: { host: "x", subset: "v1" }, weight: 90 }],
            },
          ],
        },
      }),
      [],
    ));
  test("a match with two forms is refused", () =>
    assert.deepEqual(
      validateValue(schemaOf("virtualservices.networking.istio.io"), {
        spec: { http: [{ match: [{ uri: { prefix: "/a", exact: "/b" } }] }] },
      }).map(({ message }) => message),
      [
        'Invalid value: "": "spec.http[0].match[0].uri" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ));
  test("unknown fields are reported", () =>
    assert.deepEqual(
      strictFieldErrors(schemaOf("virtualservices.networking.istio.io"), { spec: { host: ["x"] } }),
      ['unknown field "spec.host"'],
    ));
});
