import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject } from "../../kube/index.ts";
import { diffObjects, hiddenValue } from "./diff-objects.ts";

const object = (spec: object, metadata: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "x", ...metadata },
  spec,
});
const diff = (before: object, after: object) => diffObjects(object(before), object(after));

suite("what differs in an object", () => {
  test.each([
    [{ a: 1 }, { a: 2 }, [{ path: "a", before: 1, after: 2 }]],
    [{ a: { b: 1, c: 1 } }, { a: { b: 1 } }, [{ path: "a.c", before: 1, after: undefined }]],
    [
      { a: [{ w: 50 }, { w: 50 }] },
      { a: [{ w: 90 }, { w: 50 }] },
      [{ path: "a[0].w", before: 50, after: 90 }],
    ],
    [{ a: [1] }, { a: [1, 2] }, [{ path: "a", before: [1], after: [1, 2] }]],
    [
      { c: [{ name: "x", image: "1" }] },
      {
        c: [
          { name: "y", image: "3" },
          { name: "x", image: "2" },
        ],
      },
      [
        { path: "c[x].image", before: "1", after: "2" },
        { path: "c[y]", before: undefined, after: { name: "y", image: "3" } },
      ],
    ],
    [
      { c: [{ name: "x" }, { name: "y" }] },
      { c: [{ name: "y" }, { name: "x" }] },
      [{ path: "c", before: ["x", "y"], after: ["y", "x"] }],
    ],
    [{ "a.b/c": 1 }, { "a.b/c": 2 }, [{ path: 'spec["a.b/c"]', before: 1, after: 2 }]],
  ])("%j becomes %j", (before, after, expected) => {
    assert.deepEqual(diff(before, after), expected);
  });

  test("what API servers write themselves, and notes on where an object comes from, are no difference", () => {
    const before = object({}, { resourceVersion: "1", generation: 1, managedFields: [] });
    const annotations = { "isthmus.dev/from": "manifests[3]" };
    const after = {
      ...object({}, { resourceVersion: "2", generation: 2, annotations }),
      status: { ready: 1 },
    };
    assert.deepEqual(diffObjects(before, after), []);
  });

  test("labels are told, and values of Secrets are not", () => {
    assert.deepEqual(diffObjects(object({}), object({}, { labels: { app: "x" } })), [
      { path: "metadata.labels", before: undefined, after: { app: "x" } },
    ]);
    const secret = (key: string): KubeObject => ({ ...object({}), kind: "Secret", data: { key } });
    assert.deepEqual(diffObjects(secret("one"), secret("two")), [
      { path: "data.key", before: hiddenValue, after: hiddenValue },
    ]);
  });
});
