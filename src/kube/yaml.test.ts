import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatYaml, parseYamlObjects } from "./yaml.ts";

const first = (text: string) => parseYamlObjects(text).objects[0]?.object;

suite("parseYamlObjects()", () => {
  test("reads a stream, skipping empty documents and comments", () => {
    const { objects, diagnostics } = parseYamlObjects(
      "# hello\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n",
      "x.yaml",
    );
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(
      objects.map(({ object, range }) => [object.metadata.name, range.file, range.line]),
      [
        ["a", "x.yaml", 3],
        ["b", "x.yaml", 8],
      ],
    );
    assert.equal(objects[1]?.rangeOf(["metadata", "name"]).line, 11);
  });

  test("the items of a List stand for themselves", () => {
    const { objects } = parseYamlObjects(
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n",
    );
    assert.deepEqual(
      objects.map(({ object, range }) => [object.metadata.name, range.line]),
      [
        ["a", 4],
        ["b", 7],
      ],
    );
  });

  const scalars: readonly [written: string, value: unknown][] = [
    ["yes", true],
    ["off", false],
    ["12:30", "12:30"],
    ["22:22", "22:22"],
    ["2026-01-01", "2026-01-01"],
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
    ["0777", 511],
    ["1e3", 1000],
    ["0x10", 16],
    ["1_000", 1000],
    ["~", null],
    ['"yes"', "yes"],
    ["1.0", 1],
    ["v1.0", "v1.0"],
  ];
  for (const [written, value] of scalars)
    test(`${written} is ${JSON.stringify(value)}, as in Go`, () =>
      assert.deepEqual(
        first(`apiVersion: v1\nkind: X\nmetadata: {name: a}\nvalue: ${written}\n`)?.["value"],
        value,
      ));

  const wrong: readonly [because: string, text: string, code: string, line: number, column: number][] = [
    [
      "a field that stands twice",
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  name: b\n",
      "manifest/duplicate-key",
      5,
      3,
    ],
    ["a tab", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n", "manifest/tab", 4, 1],
    ["no kind", "apiVersion: v1\nmetadata: {name: a}\n", "manifest/no-kind", 1, 1],
    ["no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "manifest/no-name", 3, 1],
    ["text", "hello\n", "manifest/no-object", 1, 1],
    [
      "a colon in a plain text",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: a: b\n",
      "manifest/yaml",
      4,
      4,
    ],
  ];
  for (const [because, text, code, line, column] of wrong)
    test(`${because} is reported where it stands`, () => {
      const [diagnostic] = parseYamlObjects(text).diagnostics;
      assert.deepEqual(
        [diagnostic?.code, diagnostic?.range?.line, diagnostic?.range?.column],
        [code, line, column],
      );
    });

  test("what is right is there beside what is wrong", () => {
    const { objects, diagnostics } = parseYamlObjects(
      "kind: [\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    );
    assert.ok(diagnostics.length > 0);
    assert.equal(objects.length, 1);
  });

  test("aliases cannot make a small text huge", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [name, before] of ["ba", "cb", "dc", "ed", "fe", "gf"].map((pair) => [...pair]))
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
    const { diagnostics } = parseYamlObjects(`${bomb.join("\n")}\n`);
    assert.equal(diagnostics[0]?.code, "manifest/yaml");
  });
});

suite("formatYaml()", () => {
  test("orders the fields of objects and quotes what YAML 1.1 would misread", () =>
    assert.equal(
      formatYaml({
        spec: { b: "yes", a: ["1.0", "12:30", "x"], on: true },
        metadata: { labels: { z: "1", a: "on" }, namespace: "shop", name: "a" },
        kind: "Pod",
        apiVersion: "v1",
        data: {
          text: "two\nlines\n",
          empty: "",
          octal: "0777",
          date: "2026-01-01",
          nothing: "null",
          e: "1e3",
        },
      }),
      `apiVersion: v1
kind: Pod
metadata:
  name: a
  namespace: shop
  labels:
    a: "on"
    z: "1"
data:
  date: "2026-01-01"
  e: "1e3"
  empty: ""
  nothing: "null"
  octal: "0777"
  text: |
    two
    lines
spec:
  a:
  - "1.0"
  - "12:30"
  - x
  b: "yes"
  "on": true
`,
    ));
  test("objects in a list make a stream, and the stream reads back", () => {
    const objects = ["a", "b"].map((name) => ({ apiVersion: "v1", kind: "Pod", metadata: { name } }));
    assert.deepEqual(
      parseYamlObjects(formatYaml(objects)).objects.map(({ object }) => object),
      objects,
    );
  });
  test("the same value gives the same text whatever the order of its fields", () =>
    assert.equal(formatYaml({ a: 1, b: { c: 1, d: 2 } }), formatYaml({ b: { d: 2, c: 1 }, a: 1 })));
});
