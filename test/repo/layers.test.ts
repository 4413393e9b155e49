import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseSync } from "oxc-parser";
import { suite, test } from "vitest";

/** Folders of src/, lowest first. A folder may import only from lines above its own. */
const layers = [
  ["base"],
  ["kube", "mesh", "xds", "pki", "istio-metrics", "load"],
  ["dns"],
  ["compile", "apiserver", "controllers", "runtime", "discovery", "proxy", "ca", "telemetry", "management"],
  ["apply", "verify", "checks", "traffic", "provision"],
  ["console", "import"],
  ["engine", "providers"],
  ["cli"],
];
const level = new Map(layers.flatMap((names, i) => names.map((name) => [name, i] as const)));

const root = path.join(import.meta.dirname, "../../src");

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
}

function sourceFiles(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.parentPath.includes("/xds/gen"))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function folderOf(file: string): string {
  return path.relative(root, file).split(path.sep)[0] ?? "";
}

function importsOf(file: string): Import[] {
  const { module } = parseSync(file, readFileSync(file, "utf8"));
  const requests = [
    ...module.staticImports.map((statement) => statement.moduleRequest.value),
    ...module.staticExports.flatMap((statement) =>
      statement.entries.flatMap((entry) => (entry.moduleRequest === null ? [] : [entry.moduleRequest.value])),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) =>
      readFileSync(file, "utf8").slice(moduleRequest.start + 1, moduleRequest.end - 1),
    ),
  ];
  return requests
    .filter((request) => request.startsWith("."))
    .map((request) => path.resolve(path.dirname(file), request))
    .map((target) => ({
      file: path.relative(root, file),
      from: folderOf(file),
      to: folderOf(target),
      target,
    }));
}

suite("layers", () => {
  test("every folder of src/ has a layer", () => {
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(
      folders.map((entry) => entry.name).filter((name) => !level.has(name)),
      [],
    );
  });

  test("a folder imports only from lower layers, type-only imports included", () => {
    const wrong = sourceFiles()
      .flatMap(importsOf)
      .filter(({ from, to }) => from !== to && !((level.get(to) ?? Infinity) < (level.get(from) ?? Infinity)))
      .map(({ file, to }) => `${file} -> ${to}`);
    assert.deepEqual(wrong, []);
  });

  test("imports from another folder go through its index.ts", () => {
    const wrong = sourceFiles()
      .filter((file) => !file.endsWith(".test.ts"))
      .flatMap(importsOf)
      .filter(
        ({ from, to, target }) =>
          from !== to && !target.endsWith(`${to}/index.ts`) && !target.includes("/xds/gen/"),
      )
      .map(({ file, target }) => `${file} -> ${path.relative(root, target)}`);
    assert.deepEqual(wrong, []);
  });

  test("every folder of src/ has an index.ts that begins with its comment", () => {
    const without = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(path.join(root, entry.name)))
      .filter(({ name }) => {
        const index = path.join(root, name, "index.ts");
        return !existsSync(index) || !readFileSync(index, "utf8").startsWith(`/**\n * ${name}: `);
      })
      .map(({ name }) => name);
    assert.deepEqual(without, []);
  });
});
