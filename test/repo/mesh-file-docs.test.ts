import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { meshJsonSchema } from "../../src/mesh/index.ts";

/** Names of all properties of a JSON Schema, at any depth. */
function properties(schema: unknown): Set<string> {
  const names = new Set<string>();
  const visit = (node: unknown) => {
    if (typeof node !== "object" || node === null) return;
    const { properties: own } = node as { readonly properties?: object };
    for (const name of Object.keys(own ?? {})) names.add(name);
    for (const value of Object.values(node)) visit(value);
  };
  visit(schema);
  names.delete("properties");
  return names;
}

suite("docs/mesh-file.md", () => {
  test("names every field of the mesh file", () => {
    const text = readFileSync(path.join(import.meta.dirname, "../../docs/mesh-file.md"), "utf8");
    const missing = [...properties(meshJsonSchema())].filter(
      (name) => !new RegExp(`\\b${name}\\b`).test(text),
    );
    assert.deepEqual(missing, []);
  });
});
