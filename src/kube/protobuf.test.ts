import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { decodeProtobuf, ProtobufError } from "./protobuf.ts";
import { decodeError } from "./schema/decode-error.ts";
import { loadBuiltInSchema } from "./schema/schema-set.ts";
import { strictFieldErrors } from "./schema/strict-fields.ts";

/** Bodies that kubectl 1.33 sent, recorded by scripts/record-kubectl-bodies.mjs. */
const fixtures = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "protobuf.fixtures.json"), "utf8"),
) as readonly { readonly command: string; readonly body: string }[];

function body(command: string): Buffer {
  const fixture = fixtures.find((one) => one.command.startsWith(command));
  assert.ok(fixture !== undefined, `${command} was recorded`);
  return Buffer.from(fixture.body, "base64");
}

suite("decodeProtobuf()", () => {
  const cases: readonly [command: string, object: object][] = [
    [
      "create configmap",
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1", empty: "" } },
    ],
    [
      "create secret",
      { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { key: "AAEC/w==" } },
    ],
    [
      "create deployment",
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "d", labels: { app: "d" } },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: "d" } },
          strategy: {},
          template: {
            metadata: { labels: { app: "d" } },
            spec: {
              containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }], resources: {} }],
            },
          },
        },
        status: { replicas: 0 },
      },
    ],
    [
      "create service clusterip",
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "sv", labels: { app: "sv" } },
        spec: {
          type: "ClusterIP",
          selector: { app: "sv" },
          ports: [{ name: "80-8080", protocol: "TCP", port: 80, targetPort: 8080 }],
        },
        status: { loadBalancer: {} },
      },
    ],
    [
      "create poddisruptionbudget",
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "p" },
        spec: { minAvailable: "50%", selector: { matchLabels: { app: "web" } } },
        status: {},
      },
    ],
    [
      "create quota",
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "q" },
        spec: { hard: { cpu: "1", memory: "1Gi", pods: "2" } },
        status: {},
      },
    ],
  ];
  for (const [command, object] of cases)
    test(`kubectl ${command}`, () => assert.deepEqual(decodeProtobuf(body(command)), object));

  for (const { command, body: text } of fixtures)
    test(`kubectl ${command} fits its kind's schema`, () => {
      const object = decodeProtobuf(Buffer.from(text, "base64"));
      const [version = "", group = ""] = String(object["apiVersion"]).split("/").reverse();
      const schema = loadBuiltInSchema().forKind(group, version, String(object["kind"]));
      assert.ok(schema !== undefined);
      assert.deepEqual(strictFieldErrors(schema, object), []);
      assert.equal(decodeError(schema, object), undefined);
    });

  test("a time is written as RFC 3339, a volume's source into the volume", () => {
    const field = (number: number, ...bytes: readonly (Buffer | string)[]) => {
      const content = Buffer.concat(bytes.map((part) => Buffer.from(part)));
      return Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content]);
    };
    const time = Buffer.from([0x08, 0x80, 0xe0, 0xa8, 0xcb, 0x06]);
    const metadata = field(1, field(1, "p"), field(8, Buffer.alloc(0)), field(9, time));
    const spec = field(2, field(1, field(1, "v"), field(2, field(2, Buffer.alloc(0)))));
    const raw = Buffer.concat([metadata, spec]);
    const unknown = Buffer.concat([field(1, field(1, "v1"), field(2, "Pod")), field(2, raw)]);
    assert.deepEqual(decodeProtobuf(Buffer.concat([Buffer.from("k8s\0"), unknown])), {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "p",
        deletionTimestamp: new Date(1768566784 * 1000).toISOString().replace(".000", ""),
      },
      spec: { volumes: [{ name: "v", emptyDir: {} }] },
    });
  });

  const wrong: readonly [because: string, bytes: Buffer, message: RegExp][] = [
    ["JSON", Buffer.from("{}"), /does not appear to be a protobuf message/],
    [
      "an unknown kind",
      Buffer.from("k8s\0\n\x0b\n\x02v1\x12\x05Nopes", "latin1"),
      /no kind "Nopes" is registered for version "v1"/,
    ],
    ["a length beyond the end", Buffer.from("k8s\0\n\x7f", "latin1"), /unexpected EOF/],
    ["an endless number", Buffer.from(`k8s\0${"\xff".repeat(20)}`, "latin1"), /varint is too long/],
    ["a group", Buffer.from("k8s\0\x0b", "latin1"), /wire type 3 is not supported/],
  ];
  for (const [because, bytes, message] of wrong)
    test(`${because} is refused`, () =>
      assert.throws(
        () => decodeProtobuf(bytes),
        (reason) => {
          assert.ok(reason instanceof ProtobufError);
          assert.match(reason.message, message);
          return true;
        },
      ));

  test("any prefix of a real body is either decoded or refused", () => {
    const whole = body("create deployment");
    for (let length = 0; length < whole.length; length++)
      try {
        decodeProtobuf(whole.subarray(0, length));
      } catch (reason) {
        assert.ok(reason instanceof ProtobufError);
      }
  });
});
