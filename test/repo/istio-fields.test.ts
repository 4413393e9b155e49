import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { checkFields } from "../../src/discovery/validation/check-fields.ts";
import { checkIstioObject } from "../../src/discovery/validation/check-istio-object.ts";
import { createConfigField } from "../../src/discovery/validation/config-field.ts";
import type { ValidationProblem } from "../../src/discovery/validation/contracts.ts";
import { entryFor, type FieldTable } from "../../src/discovery/validation/fields/field-entry.ts";
import { fieldLines } from "../../src/discovery/validation/fields/field-lines.ts";
import { fieldTables } from "../../src/discovery/validation/fields/field-tables.ts";
import { fieldReads } from "../../src/discovery/validation/test-support/field-reads.ts";
import {
  type IstioKind,
  istioKinds,
  leavesOf,
} from "../../src/discovery/validation/test-support/istio-schemas.ts";
import { objectWith } from "../../src/discovery/validation/test-support/object-with.ts";

const document = path.join(import.meta.dirname, "../../docs/istio-fields.md");
const mark = "<!-- tables of test/repo/istio-fields.test.ts -->\n";

const kinds = istioKinds().map((kind) => ({
  kind,
  table: fieldTables[kind.kind] ?? {},
  paths: leavesOf(kind.spec).map(([path]) => path),
}));

/** Why the table alone refuses an object that sets the field, to `value` if it is given. */
function refusals(
  kind: IstioKind,
  table: FieldTable,
  path: string,
  value?: string,
): readonly ValidationProblem[] {
  const problems: ValidationProblem[] = [];
  checkFields(kind.kind, createConfigField(objectWith(kind, path, value)["spec"], "spec", problems), table);
  return problems.filter(({ severity }) => severity === "error");
}

suite("the table of Istio's fields", () => {
  test("is there for every kind, and says of every field exactly what becomes of it", () => {
    assert.deepEqual(Object.keys(fieldTables).sort(), kinds.map(({ kind }) => kind.kind).sort());
    const open = kinds.flatMap(({ kind, table, paths }) =>
      paths.filter((path) => entryFor(table, path) === undefined).map((path) => `${kind.kind} ${path}`),
    );
    assert.deepEqual(open, []);
  });

  test("has no entry that is for no field", () => {
    const idle = kinds.flatMap(({ kind, table, paths }) =>
      Object.entries(table)
        .filter(([, entry]) => !paths.some((path) => entryFor(table, path) === entry))
        .map(([path]) => `${kind.kind} ${path}`),
    );
    assert.deepEqual(idle, []);
    const misplaced = kinds.flatMap(({ kind, table, paths }) =>
      Object.keys(table)
        .filter(
          (at) => at !== "" && !paths.some((path) => path === at || /^(?:\.|\[\])/.test(rest(path, at))),
        )
        .map((at) => `${kind.kind} ${at}`),
    );
    assert.deepEqual(misplaced, []);
  });

  for (const { kind, table, paths } of kinds)
    test(`${kind.kind}: what is refused is refused with its sentence, and nothing else is`, () => {
      for (const path of paths) {
        const { says, note, refusedValues } = entryFor(table, path) ?? assert.fail(path);
        for (const [value, sentence] of Object.entries(refusedValues)) {
          const [problem] = refusals(kind, table, path, value);
          const place = `spec.${path.replaceAll("[]", "[0]")}`;
          assert.deepEqual([problem?.path, problem?.message], [place, sentence]);
        }
        const found = refusals(kind, table, path).filter(
          ({ message }) => !Object.values(refusedValues).includes(message),
        );
        if (says !== "refused") {
          assert.deepEqual(found, [], path);
          continue;
        }
        const [problem] = found;
        const [first = ""] = path.split(/[.[]/);
        const isWhole = problem?.path === "spec";
        assert.equal(problem?.message, isWhole ? `${kind.kind} ${note}` : note, path);
        assert.ok(isWhole || problem?.path.startsWith(`spec.${first}`), problem?.path);
        const all = checkIstioObject(objectWith(kind, path)) ?? [];
        assert.ok(all.some(({ message }) => message === problem?.message));
      }
    });

  test("runs what discovery reads, and says of nothing that it runs that discovery does not read", () => {
    const reads = fieldReads();
    const wrong = kinds.flatMap(({ kind, table, paths }) =>
      paths.flatMap((path) => {
        const runs = entryFor(table, path)?.says === "run";
        const isRead = reads.get(kind.kind)?.has(path) === true;
        if (runs === isRead) return [];
        return [
          isRead
            ? `${kind.kind} ${path}: discovery reads it, so its entry in src/discovery/validation/fields goes`
            : `${kind.kind} ${path}: discovery does not read it in testdata/fields-that-run.yaml: set it there, or say in src/discovery/validation/fields that it does not run`,
        ];
      }),
    );
    assert.deepEqual(wrong, []);
  });

  test("is what docs/istio-fields.md shows", () => {
    const text = readFileSync(document, "utf8");
    const tables = kinds.map(({ kind, table, paths }) => {
      const head = `\n## ${kind.kind}\n\n| field | here | |\n| --- | --- | --- |`;
      return `${[head, ...fieldLines(table, paths)].join("\n")}\n`;
    });
    const wanted = `${text.slice(0, text.indexOf(mark))}${mark}${tables.join("")}`;
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(document, wanted);
    else assert.equal(text, wanted, "write it anew with UPDATE_DOCS=1");
  });
});

/** What of a path comes after the place `at`; "" when it lies elsewhere. */
function rest(path: string, at: string): string {
  return path.startsWith(at) ? path.slice(at.length) : "";
}
