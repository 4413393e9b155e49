import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseSync } from "oxc-parser";
import { suite, test } from "vitest";
import { errorCodes } from "../../src/base/index.ts";

const root = path.join(import.meta.dirname, "../..");

/** Codes that a page explains: headings of the form ### `group/name`. */
function documentedCodes(page: string): string[] {
  const text = readFileSync(path.join(root, "docs", page), "utf8");
  return [...text.matchAll(/^### `([^`]+)`$/gm)].map(([, code = ""]) => code);
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}

/** The texts that an expression can be, as far as they are written in it: literals, `a ? "x" : "y"`, templates of them. */
function texts(node: unknown): readonly string[] {
  if (!isNode(node)) return [];
  if (node["type"] === "Literal") return typeof node["value"] === "string" ? [node["value"]] : [];
  if (node["type"] === "ConditionalExpression")
    return [...texts(node["consequent"]), ...texts(node["alternate"])];
  if (node["type"] !== "TemplateLiteral") return [];
  const quasis = (node["quasis"] as readonly { readonly value: { readonly cooked: string } }[]).map(
    ({ value }) => value.cooked,
  );
  const parts = (node["expressions"] as readonly unknown[]).map(texts);
  return parts.reduce<readonly string[]>(
    (all, part, index) =>
      all.flatMap((before) => part.map((text) => before + text + (quasis[index + 1] ?? ""))),
    [quasis[0] ?? ""],
  );
}

const codeForm = /^[a-z][a-z-]*\/[a-z][a-z0-9-]*$/;

/** Texts of the form of a code that are of a known group, or that are given as a property `code`. */
function codesIn(node: unknown, groups: ReadonlySet<string>): string[] {
  if (Array.isArray(node)) return node.flatMap((one) => codesIn(one, groups));
  if (!isNode(node)) return [];
  const key = node["type"] === "Property" && isNode(node["key"]) ? node["key"]["name"] : undefined;
  const given = key === "code" ? texts(node["value"]).filter((text) => codeForm.test(text)) : [];
  const known = texts(node).filter(
    (text) => codeForm.test(text) && groups.has(text.slice(0, text.indexOf("/"))),
  );
  return [...given, ...known, ...Object.values(node).flatMap((one) => codesIn(one, groups))];
}

/** The diagnostic codes that the sources use. */
function usedCodes(): Set<string> {
  const groups = new Set(documentedCodes("diagnostics.md").map((code) => code.slice(0, code.indexOf("/"))));
  const files = readdirSync(path.join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !file.includes("/xds/gen/"));
  const found = files.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    // Parsing every file takes seconds; most have none of it.
    const mayHave = /\bcode: /.test(text) || [...groups].some((group) => text.includes(`${group}/`));
    return mayHave ? codesIn(parseSync(file, text).program, groups) : [];
  });
  return new Set(found.filter((code) => !(code in errorCodes)));
}

suite("documentation of codes", () => {
  test("docs/errors.md explains every error code, and no other", () => {
    assert.deepEqual(documentedCodes("errors.md").sort(), Object.keys(errorCodes).sort());
  });

  test("docs/errors.md gives each error its exit code", () => {
    const text = readFileSync(path.join(root, "docs/errors.md"), "utf8");
    const said = [...text.matchAll(/^### `([^`]+)`\n\nExit code (\d+)\./gm)].map(
      ([, code = "", exit = ""]) => [code, Number(exit)],
    );
    assert.deepEqual(
      Object.fromEntries(said),
      Object.fromEntries(Object.entries(errorCodes).map(([code, { exit }]) => [code, exit])),
    );
  });

  test("docs/diagnostics.md explains every diagnostic code, and no other", () => {
    const [documented, used] = [new Set(documentedCodes("diagnostics.md")), usedCodes()];
    assert.deepEqual(
      {
        "not explained": [...used].filter((code) => !documented.has(code)),
        "not used": [...documented].filter((code) => !used.has(code)),
      },
      { "not explained": [], "not used": [] },
    );
  });
});
