import assert from "node:assert/strict";
import * as fc from "fast-check";
import { suite, test } from "vitest";
import type { KubeObject } from "../object.ts";
import { jsonEqual } from "../patch/json-value.ts";
import { schemaFromCrd } from "../schema/crd-schema.ts";
import { applyObject } from "./apply-object.ts";
import {
  difference,
  type FieldSet,
  hasPath,
  intersection,
  parseFieldSet,
  paths,
  put,
  self,
  sortFieldSet,
  union,
} from "./field-set.ts";
import { compareObjects, fieldSetOf } from "./walk-fields.ts";

const element = fc.constantFrom("f:a", "f:b", 'k:{"name":"x"}', 'v:"1"');

/** Sets made path by path, so that they are in the form that sets have. */
const fieldSet: fc.Arbitrary<FieldSet> = fc
  .array(fc.array(element, { minLength: 1, maxLength: 3 }), { maxLength: 6 })
  .map((all) => all.reduce<FieldSet>((set, path) => union(set, setOf(path)), {}));

function setOf([first = "f:a", ...rest]: readonly string[]): FieldSet {
  const result: Record<string, FieldSet> = {};
  put(result, first, rest.length === 0 ? { [self]: {} } : setOf(rest));
  return result;
}

const texts = (set: FieldSet) => new Set([...paths(set)].map((path) => path.join("\n")));
const sorted = (set: ReadonlySet<string>) => [...set].sort();

suite("field sets are sets of paths", () => {
  test("union, intersection and difference do what they do to sets", () => {
    fc.assert(
      fc.property(fieldSet, fieldSet, (a, b) => {
        const [left, right] = [texts(a), texts(b)];
        assert.deepEqual(sorted(texts(union(a, b))), sorted(new Set([...left, ...right])));
        assert.deepEqual(
          sorted(texts(intersection(a, b))),
          sorted(new Set([...left].filter((path) => right.has(path)))),
        );
        assert.deepEqual(
          sorted(texts(difference(a, b))),
          sorted(new Set([...left].filter((path) => !right.has(path)))),
        );
        for (const path of paths(a)) assert.ok(hasPath(a, path));
      }),
    );
  });
  test("their form is the same however they came about", () => {
    fc.assert(
      fc.property(fieldSet, fieldSet, (a, b) => {
        assert.deepEqual(sortFieldSet(union(a, b)), sortFieldSet(union(b, a)));
        assert.deepEqual(sortFieldSet(union(difference(a, b), intersection(a, b))), sortFieldSet(a));
        assert.equal(parseFieldSet(a), a);
      }),
    );
  });
});

const schema = schemaFromCrd({
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        text: { type: "string" },
        map: { type: "object", additionalProperties: { type: "string" } },
        tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
        items: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: { type: "object", properties: { name: { type: "string" }, value: { type: "string" } } },
        },
        plain: { type: "array", items: { type: "string" } },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  },
});

const word = fc.constantFrom("a", "b", "c");
const words = fc.uniqueArray(word, { maxLength: 3 });
const spec = fc.record(
  {
    text: word,
    map: fc.dictionary(word, word, { maxKeys: 3 }),
    tags: words,
    items: words.chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.record({ name: fc.constant(name), value: word }, { requiredKeys: ["name"] }),
        ),
      ),
    ),
    plain: fc.array(word, { maxLength: 3 }),
    free: fc.dictionary(word, fc.oneof(word, fc.array(word), fc.dictionary(word, word, { maxKeys: 2 })), {
      maxKeys: 2,
    }),
  },
  { requiredKeys: [] },
);
const object = spec.map(
  (value): KubeObject => ({
    apiVersion: "x/v1",
    kind: "X",
    metadata: { name: "x" },
    spec: structuredClone(value),
  }),
);

function apply(live: KubeObject | undefined, applied: KubeObject, manager: string, force = true): KubeObject {
  const { object: result, conflicts } = applyObject({
    live,
    applied,
    manager,
    apiVersion: "x/v1",
    schema,
    force,
    time: "2026-01-01T00:00:00Z",
  });
  assert.deepEqual(conflicts, []);
  return result;
}

suite("server-side apply", () => {
  test("an object equals itself and differs from any other", () => {
    fc.assert(
      fc.property(object, object, (a, b) => {
        const { added, modified, removed } = compareObjects(schema, a, b);
        const isSame = [added, modified, removed].every((set) => Object.keys(set).length === 0);
        assert.equal(isSame, jsonEqual(a, b));
      }),
    );
  });
  test("applying twice changes nothing the second time", () => {
    fc.assert(
      fc.property(object, object, (a, b) => {
        for (const manager of ["one", "two"]) {
          const first = apply(apply(undefined, a, "one"), b, manager);
          assert.equal(apply(first, b, manager), first);
        }
      }),
    );
  });
  test("the last applied values stand, and their manager owns them", () => {
    fc.assert(
      fc.property(object, object, object, (a, b, c) => {
        const result = apply(apply(apply(undefined, a, "one"), b, "two"), c, "one");
        const { modified, removed } = compareObjects(schema, { spec: c["spec"] }, { spec: result["spec"] });
        const lost = union(modified, removed);
        assert.deepEqual(texts(intersection(fieldSetOf(schema, { spec: c["spec"] }), lost)), new Set());
        const entry = result.metadata.managedFields?.find(({ manager }) => manager === "one");
        assert.deepEqual(entry?.fieldsV1 ?? {}, sortFieldSet(fieldSetOf(schema, { spec: c["spec"] })));
      }),
    );
  });
  test("a lone manager's object is what it applied last", () => {
    fc.assert(
      fc.property(object, object, (a, b) => {
        const result = apply(apply(undefined, a, "one"), b, "one");
        const left = compareObjects(schema, { spec: b["spec"] }, { spec: result["spec"] ?? {} });
        assert.deepEqual(texts(left.removed), new Set());
        assert.deepEqual(texts(left.modified), new Set());
      }),
    );
  });
});
