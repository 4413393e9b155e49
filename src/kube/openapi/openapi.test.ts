import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { JsonObject } from "../patch/json-value.ts";
import { type OpenApiResource, openApiHash, openApiV3Index } from "./open-api-resource.ts";
import { openApiV2Document } from "./v2-document.ts";
import { encodeOpenApiV2 } from "./v2-protobuf.ts";
import { openApiV3Document } from "./v3-document.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const deployments: OpenApiResource = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  listKind: "DeploymentList",
  plural: "deployments",
  namespaced: true,
  verbs,
  subresources: [
    { name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: ["get", "update"] },
  ],
};
const widgets: OpenApiResource = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  listKind: "WidgetList",
  plural: "widgets",
  namespaced: false,
  verbs,
  subresources: [],
  custom: {
    schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          properties: {
            size: { "x-kubernetes-int-or-string": true },
            note: { type: "string", nullable: true },
          },
        },
      },
    },
  },
};

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((found, name) => (found as JsonObject | undefined)?.[name], value);
}

suite("openApiV3Index()", () => {
  test("names a document with its hash for each group version", () => {
    const { paths } = openApiV3Index([deployments, widgets]);
    assert.deepEqual(Object.keys(paths), ["apis/apps/v1", "apis/example.com/v1"]);
    assert.match(
      paths["apis/apps/v1"]?.serverRelativeURL ?? "",
      /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/,
    );
  });
  test("the hash changes with the resources and with nothing else", () => {
    assert.equal(
      openApiHash([deployments]),
      openApiHash([{ ...deployments, subresources: [...deployments.subresources] }]),
    );
    assert.notEqual(openApiHash([deployments]), openApiHash([{ ...deployments, verbs: ["get"] }]));
    assert.notEqual(
      openApiHash([widgets]),
      openApiHash([{ ...widgets, custom: { schema: { type: "object" } } }]),
    );
  });
});

suite("openApiV3Document()", () => {
  const document = openApiV3Document([deployments], "1.33.1");
  const item = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}";
  test("operations say their action, kind and parameters", () => {
    const patch = at(document, "paths", item, "patch");
    assert.equal(at(patch, "x-kubernetes-action"), "patch");
    assert.deepEqual(at(patch, "x-kubernetes-group-version-kind"), {
      group: "apps",
      kind: "Deployment",
      version: "v1",
    });
    const names = (at(patch, "parameters") as readonly { name: string }[]).map(({ name }) => name);
    assert.deepEqual(names, ["pretty", "dryRun", "fieldManager", "fieldValidation", "force"]);
    assert.ok(
      Object.hasOwn(at(patch, "requestBody", "content") as object, "application/strategic-merge-patch+json"),
    );
  });
  test("a subresource has the kind of its bodies", () =>
    assert.deepEqual(at(document, "paths", `${item}/scale`, "put", "x-kubernetes-group-version-kind"), {
      group: "autoscaling",
      kind: "Scale",
      version: "v1",
    }));
  test("schemas carry merge keys, and what they refer to is there", () => {
    const schemas = at(document, "components", "schemas") as Readonly<Record<string, JsonObject>>;
    assert.equal(
      at(schemas["io.k8s.api.core.v1.PodSpec"], "properties", "containers", "x-kubernetes-patch-merge-key"),
      "name",
    );
    const references = [
      ...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g),
    ].map(([, name]) => name ?? "");
    assert.deepEqual(
      references.filter((name) => schemas[name] === undefined),
      [],
    );
    assert.ok(references.length > 100);
  });
  test("what stands beside a reference goes around it", () =>
    assert.deepEqual(
      at(document, "components", "schemas", "io.k8s.api.apps.v1.DeploymentSpec", "properties", "strategy"),
      {
        allOf: [{ $ref: "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy" }],
        "x-kubernetes-patch-strategy": "retainKeys",
      },
    ));
  test("a custom kind takes no strategic patches and has its own schema", () => {
    const custom = openApiV3Document([widgets], "1.33.1");
    const content = at(
      custom,
      "paths",
      "/apis/example.com/v1/widgets/{name}",
      "patch",
      "requestBody",
      "content",
    ) as object;
    assert.deepEqual(Object.keys(content), [
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/apply-patch+yaml",
    ]);
    assert.deepEqual(
      at(custom, "components", "schemas", "com.example.v1.Widget", "x-kubernetes-group-version-kind"),
      [{ group: "example.com", kind: "Widget", version: "v1" }],
    );
  });
});

suite("OpenAPI v2", () => {
  test("leaves open what it cannot say", () => {
    const spec = at(
      openApiV2Document([widgets], "1.33.1"),
      "definitions",
      "com.example.v1.Widget",
      "properties",
      "spec",
      "properties",
    );
    assert.deepEqual(spec, { size: { "x-kubernetes-int-or-string": true }, note: {} });
  });
  test("is encoded in gnostic's messages", () => {
    const document = {
      swagger: "2.0",
      info: { title: "T", version: "v1" },
      paths: { "/a": { get: { produces: ["x"], parameters: [], responses: {}, "x-a": 1 } } },
      definitions: { D: { type: "string", maximum: 2 } },
    };
    const field = (number: number, ...parts: readonly (Buffer | string)[]) => {
      const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
      const tag = number < 16 ? [number * 8 + 2] : [((number * 8 + 2) & 0x7f) | 0x80, number >> 4];
      return Buffer.concat([Buffer.from([...tag, content.length]), content]);
    };
    const maximum = Buffer.from([7 * 8 + 1, 0, 0, 0, 0, 0, 0, 0, 0x40]);
    const operation = [field(6, "x"), field(9), field(13, field(1, "x-a"), field(2, field(2, "1\n")))];
    const expected = Buffer.concat([
      field(1, "2.0"),
      field(2, field(1, "T"), field(2, "v1")),
      field(8, field(2, field(1, "/a"), field(2, field(2, ...operation)))),
      field(9, field(1, field(1, "D"), field(2, maximum, field(22, field(1, "string"))))),
    ]);
    assert.equal(encodeOpenApiV2(document).toString("hex"), expected.toString("hex"));
  });
});
