import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";

const page = path.join(import.meta.dirname, "../../docs/failure-modes.md");
const lines = readFileSync(page, "utf8").split("\n");
const link = /\[([^\]]+)\]\(([^)]+)\)$/;

suite("docs/failure-modes.md", () => {
  test("names a test for each of its claims", () => {
    const claims = lines.filter((line) => line.startsWith("- "));
    assert.ok(claims.length > 10);
    assert.deepEqual(
      claims.filter((line) => !link.test(line)),
      [],
    );
  });

  test("names only tests that exist, by their titles", () => {
    const missing = lines.filter((line) => {
      const [, title, target = ""] = link.exec(line) ?? [];
      if (title === undefined) return false;
      const file = path.resolve(path.dirname(page), target);
      return !existsSync(file) || !readFileSync(file, "utf8").includes(`test("${title}"`);
    });
    assert.deepEqual(missing, []);
  });
});
