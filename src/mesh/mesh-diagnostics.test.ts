import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../base/index.ts";
import { assertGolden, goldenInput } from "../base/testing/golden-file.ts";
import { checkSupported } from "./check-supported.ts";
import { type MeshText, parseMesh } from "./parse-mesh.ts";

const folder = path.join(import.meta.dirname, "testdata");

/** Parts of an input: "=== prod.yaml" begins an overlay, "=== --set a.b=c" is one, "=== supported" asks checkSupported too. */
function readInput(text: string) {
  const [first = "", ...more] = text.split(/^=== (?=.)/m);
  const parts = more.map((part) => ({
    name: part.slice(0, part.indexOf("\n")),
    text: part.slice(part.indexOf("\n") + 1),
  }));
  const texts: MeshText[] = [
    { file: "mesh.yaml", text: first },
    ...parts
      .filter(({ name }) => name.endsWith(".yaml"))
      .map((part) => ({ file: part.name, text: part.text })),
  ];
  const sets = parts
    .filter(({ name }) => name.startsWith("--set "))
    .map(({ name }) => name.slice("--set ".length));
  return { texts, sets, supported: parts.some(({ name }) => name === "supported") };
}

/** Everything is there but what is called missing. */
const files = {
  kindOf: (file: string) =>
    (file.includes("missing") ? undefined : file.endsWith("/") ? "folder" : "file") as
      | "file"
      | "folder"
      | undefined,
};

suite("MESH-02 AKS-43 AKS-57 OKE-40 OKE-50 parseMesh() says what is wrong", () => {
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".txt"))) {
    test(name.replace(/\.txt$/, "").replaceAll("-", " "), () => {
      const file = path.join(folder, name);
      const { texts, sets, supported } = readInput(goldenInput(file));
      const parsed = parseMesh(texts, sets, { folder: "/home/me/shop", files });
      const found = parsed.ok
        ? [...parsed.warnings, ...(supported ? checkSupported(parsed.mesh) : [])]
        : parsed.problems;
      assertGolden(file, found.length === 0 ? "nothing\n" : `${formatDiagnostics(found)}\n`);
      assert.ok(
        found.every(({ range }) => range !== undefined),
        "every diagnostic has a place",
      );
    });
  }
});
