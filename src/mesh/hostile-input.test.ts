import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../base/index.ts";
import { parseMesh } from "./parse-mesh.ts";

const example = readFileSync(path.join(import.meta.dirname, "../../examples/aks/mesh.yaml"), "utf8");
const files = { kindOf: () => "file" as const };

/** Text that is YAML more often than random bytes are. */
const fragment = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    ": ",
    "\n",
    "\n  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "? ",
    "| ",
    '"',
    "'",
    "#",
    "!!int ",
    "\t",
    "null",
    "1.30",
  ),
);

suite("parseMesh() and texts that nobody would write", () => {
  test("a mutilated file, overlay or --set gives a mesh or diagnostics that can be shown, and never throws", () => {
    fc.assert(
      fc.property(
        fc.nat(example.length),
        fc.nat(40),
        fc.array(fragment, { maxLength: 6 }),
        fc.array(fragment, { maxLength: 6 }),
        fc.array(fragment, { maxLength: 4 }),
        (at, removed, put, overlay, set) => {
          const text = example.slice(0, at) + put.join("") + example.slice(at + removed);
          const parsed = parseMesh(
            [
              { file: "mesh.yaml", text },
              { file: "over.yaml", text: `clusters: {}\n${overlay.join("")}` },
            ],
            [`clusters.main0.${set.join("")}`],
            { folder: "/mesh", files },
          );
          const found = parsed.ok ? parsed.warnings : parsed.problems;
          assert.ok(parsed.ok || found.length > 0);
          for (const { range } of found)
            assert.ok(
              range === undefined || (range.line > 0 && range.column > 0 && range.endColumn > range.column),
            );
          formatDiagnostics(found);
        },
      ),
      { numRuns: 150 },
    );
  });
});
