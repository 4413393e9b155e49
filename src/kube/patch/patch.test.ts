import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { anyValue, type SchemaNode } from "../schema/schema-node.ts";
import { loadBuiltInSchema } from "../schema/schema-set.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { PatchError } from "./patch-error.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

interface Case {
  readonly because: string;
  readonly target: unknown;
  readonly patch: unknown;
  readonly result?: unknown;
  readonly error?: RegExp;
}

function run(cases: readonly Case[], apply: (target: unknown, patch: unknown) => unknown): void {
  for (const { because, target, patch, result, error } of cases) {
    test(because, () => {
      const before = structuredClone(target);
      if (error !== undefined) {
        assert.throws(
          () => apply(target, patch),
          (reason) => {
            assert.ok(reason instanceof PatchError);
            assert.match(reason.message, error);
            return true;
          },
        );
      } else assert.deepEqual(apply(target, patch), result);
      assert.deepEqual(target, before, "the target stays as it was");
    });
  }
}

suite("applyJsonPatch()", () => {
  run(
    [
      {
        because: "add sets a field",
        target: { a: 1 },
        patch: [{ op: "add", path: "/b", value: 2 }],
        result: { a: 1, b: 2 },
      },
      {
        because: "add inserts into a list, and - appends",
        target: { l: [1, 3] },
        patch: [
          { op: "add", path: "/l/1", value: 2 },
          { op: "add", path: "/l/-", value: 4 },
        ],
        result: { l: [1, 2, 3, 4] },
      },
      {
        because: "~1 and ~0 stand for / and ~",
        target: { "a/b": { "c~d": 1 } },
        patch: [{ op: "replace", path: "/a~1b/c~0d", value: 2 }],
        result: { "a/b": { "c~d": 2 } },
      },
      {
        because: "remove takes a field away",
        target: { a: 1, b: 2 },
        patch: [{ op: "remove", path: "/a" }],
        result: { b: 2 },
      },
      {
        because: "move and copy",
        target: { a: { x: 1 } },
        patch: [
          { op: "copy", from: "/a/x", path: "/b" },
          { op: "move", from: "/a/x", path: "/c" },
        ],
        result: { a: {}, b: 1, c: 1 },
      },
      {
        because: "test passes on equal values",
        target: { a: { x: [1] } },
        patch: [{ op: "test", path: "/a", value: { x: [1] } }],
        result: { a: { x: [1] } },
      },
      {
        because: "test of a missing path against null passes",
        target: {},
        patch: [{ op: "test", path: "/a", value: null }],
        result: {},
      },
      {
        because: "a failed test",
        target: { a: 1 },
        patch: [{ op: "test", path: "/a", value: 2 }],
        error: /^testing value \/a failed: test failed$/,
      },
      {
        because: "replace of a missing key",
        target: {},
        patch: [{ op: "replace", path: "/a", value: 1 }],
        error: /^replace operation does not apply: doc is missing key: \/a: missing value$/,
      },
      {
        because: "remove of a missing key",
        target: {},
        patch: [{ op: "remove", path: "/a" }],
        error: /^remove operation does not apply: doc is missing path: \/a: missing value$/,
      },
      {
        because: "add below a missing parent",
        target: {},
        patch: [{ op: "add", path: "/a/b", value: 1 }],
        error: /^add operation does not apply: doc is missing path: "\/a\/b": missing value$/,
      },
      {
        because: "an index beyond the end",
        target: { l: [] },
        patch: [{ op: "add", path: "/l/1", value: 1 }],
        error: /invalid index referenced$/,
      },
      {
        because: "an unknown operation",
        target: {},
        patch: [{ op: "swap", path: "/a" }],
        error: /^Unexpected kind: swap$/,
      },
      {
        because: "a patch that is no list",
        target: {},
        patch: { op: "add" },
        error: /^error decoding patch/,
      },
      {
        because: "managedFields can be written, as kubectl does when it migrates to server-side apply",
        target: { metadata: { managedFields: [1] } },
        patch: [
          { op: "test", path: "/metadata/managedFields/0", value: 1 },
          { op: "replace", path: "/metadata/managedFields", value: [2] },
        ],
        result: { metadata: { managedFields: [2] } },
      },
    ],
    applyJsonPatch,
  );
});

suite("applyMergePatch()", () => {
  run(
    [
      {
        because: "objects merge, null removes",
        target: { a: { b: 1, c: 2 } },
        patch: { a: { b: null, d: 3 } },
        result: { a: { c: 2, d: 3 } },
      },
      { because: "lists replace", target: { l: [1, 2] }, patch: { l: [3] }, result: { l: [3] } },
      {
        because: "nulls of a new object are dropped",
        target: {},
        patch: { a: { b: null, c: 1 } },
        result: { a: { c: 1 } },
      },
      {
        because: "an object takes the place of a scalar",
        target: { a: 1 },
        patch: { a: { b: 1 } },
        result: { a: { b: 1 } },
      },
    ],
    applyMergePatch,
  );
  test("a field called __proto__ stays a field", () => {
    const result = applyMergePatch({}, JSON.parse('{"__proto__": {"x": 1}}'));
    assert.deepEqual(Object.keys(result as object), ["__proto__"]);
    assert.equal(({} as { x?: number }).x, undefined);
  });
});

suite("applyStrategicMergePatch()", () => {
  const deployment = loadBuiltInSchema().forKind("apps", "v1", "Deployment") as SchemaNode;
  const pod = (containers: readonly object[], more: object = {}) => ({
    spec: { template: { spec: { containers, ...more } } },
  });
  const a = { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] };
  const b = { name: "b", image: "b:1" };
  run(
    [
      {
        because: "containers merge by name",
        target: pod([a, b]),
        patch: pod([{ name: "b", image: "b:2" }]),
        result: pod([a, { name: "b", image: "b:2" }]),
      },
      {
        because: "a new container comes before those that the patch does not name",
        target: pod([a]),
        patch: pod([{ name: "c", image: "c:1" }]),
        result: pod([{ name: "c", image: "c:1" }, a]),
      },
      {
        because: "$patch: delete removes an item",
        target: pod([a, b]),
        patch: pod([{ name: "a", $patch: "delete" }]),
        result: pod([b]),
      },
      {
        because: "$patch: replace in a list replaces it",
        target: pod([a, b]),
        patch: pod([{ $patch: "replace" }, { name: "c" }]),
        result: pod([{ name: "c" }]),
      },
      {
        because: "$patch: replace in a map replaces it",
        target: { metadata: { labels: { a: "1" } } },
        patch: { metadata: { labels: { $patch: "replace", b: "2" } } },
        result: { metadata: { labels: { b: "2" } } },
      },
      {
        because: "$patch: delete in a map empties it",
        target: { metadata: { labels: { a: "1" } } },
        patch: { metadata: { labels: { $patch: "delete" } } },
        result: { metadata: { labels: {} } },
      },
      {
        because: "$setElementOrder orders the merged list",
        target: pod([a, b]),
        patch: pod([{ name: "c" }], {
          "$setElementOrder/containers": [{ name: "c" }, { name: "b" }, { name: "a" }],
        }),
        result: pod([{ name: "c" }, b, a]),
      },
      {
        because: "$setElementOrder without a list only orders",
        target: pod([a, b]),
        patch: pod([], {
          "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
          containers: undefined,
        }),
        result: pod([b, a]),
      },
      {
        because: "items the order does not name keep their place before the named ones",
        target: { metadata: { finalizers: ["x", "y", "z"] } },
        patch: { metadata: { "$setElementOrder/finalizers": ["z", "y"], finalizers: ["y"] } },
        result: { metadata: { finalizers: ["x", "z", "y"] } },
      },
      {
        because: "primitive lists merge as sets",
        target: { metadata: { finalizers: ["x"] } },
        patch: { metadata: { finalizers: ["y", "x"] } },
        result: { metadata: { finalizers: ["y", "x"] } },
      },
      {
        because: "$deleteFromPrimitiveList removes values",
        target: { metadata: { finalizers: ["x", "y"] } },
        patch: {
          metadata: { "$deleteFromPrimitiveList/finalizers": ["x"], "$setElementOrder/finalizers": ["y"] },
        },
        result: { metadata: { finalizers: ["y"] } },
      },
      {
        because: "$retainKeys clears the other fields of a union",
        target: { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } },
        patch: { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
        result: { spec: { strategy: { type: "Recreate" } } },
      },
      {
        because: "atomic lists replace",
        target: pod([{ name: "a", args: ["1", "2"] }]),
        patch: pod([{ name: "a", args: ["3"] }]),
        result: pod([{ name: "a", args: ["3"] }]),
      },
      {
        because: "null removes a field",
        target: { spec: { paused: true, replicas: 1 } },
        patch: { spec: { paused: null } },
        result: { spec: { replicas: 1 } },
      },
      {
        because: "null removes a list even when an order is given",
        target: pod([a], { volumes: [{ name: "v" }] }),
        patch: { spec: { template: { spec: { "$setElementOrder/volumes": [], volumes: null } } } },
        result: pod([a]),
      },
      {
        because: "a list that was not there comes without directives and nulls",
        target: {},
        patch: pod([
          { name: "x", $patch: "delete" },
          { name: "a", image: null },
        ]),
        result: pod([{ name: "a" }]),
      },
      {
        because: "env merges inside a merged container",
        target: pod([a]),
        patch: pod([{ name: "a", env: [{ name: "Y", value: "2" }] }]),
        result: pod([
          {
            ...a,
            env: [
              { name: "Y", value: "2" },
              { name: "X", value: "1" },
            ],
          },
        ]),
      },
      {
        because: "an item without its merge key",
        target: pod([a]),
        patch: pod([{ image: "x" }]),
        error: /^map: map\[image:x\] does not contain declared merge key: name$/,
      },
      {
        because: "an unknown directive",
        target: {},
        patch: { spec: { $patch: "explode" } },
        result: { spec: {} },
      },
      {
        because: "an unknown directive where something was",
        target: { spec: {} },
        patch: { spec: { $patch: "explode" } },
        error: /^unknown patch type: explode in map: map\[\$patch:explode\]$/,
      },
      {
        because: "a patch against its own order",
        target: pod([a, b]),
        patch: pod([a, b], { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] }),
        error: /^The order in patch list:/,
      },
      {
        because: "retainKeys that miss a field of the patch",
        target: { spec: { strategy: { type: "x" } } },
        patch: { spec: { strategy: { $retainKeys: [], type: "y" } } },
        error: /^patch content doesn't match retainKeys list$/,
      },
    ],
    (target, patch) => applyStrategicMergePatch(target, JSON.parse(JSON.stringify(patch)), deployment),
  );
  test("service ports merge by port", () => {
    const service = loadBuiltInSchema().forKind("", "v1", "Service") ?? anyValue;
    assert.deepEqual(
      applyStrategicMergePatch(
        { spec: { ports: [{ port: 80, name: "http" }] } },
        { spec: { ports: [{ port: 80, targetPort: 8080 }, { port: 443 }] } },
        service,
      ),
      { spec: { ports: [{ port: 80, name: "http", targetPort: 8080 }, { port: 443 }] } },
    );
  });
});
