import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { version } from "../../src/base/index.ts";

const root = path.join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes("node_modules"));
}

/** Source files that people read; generated ones are left out. */
function sources(): string[] {
  return filesBelow("src", /\.ts$/).filter((file) => !file.includes("/xds/gen/"));
}

suite("rules of the repository", () => {
  test("no source file is longer than 600 lines", () => {
    const long = sources()
      .filter((file) => !file.endsWith(".test.ts"))
      .map((file) => [file, read(file).split("\n").length] as const)
      .filter(([, lines]) => lines > 600);
    assert.deepEqual(long, []);
  });

  test("file names are kebab-case and never say util, helper or common", () => {
    const wrong = sources().filter(
      (file) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(path.basename(file)) ||
        /\b(utils?|helpers?|common)\b/.test(file),
    );
    assert.deepEqual(wrong, []);
  });

  test("nothing waits for a fixed time in tests", () => {
    // The polling loops of test support are the one place where time may pass.
    const sleeping = sources()
      .filter((file) => file.endsWith(".test.ts"))
      .concat(filesBelow("test", /\.test\.ts$/))
      .filter((file) => /setTimeout\(\s*resolve|timers\/promises/.test(read(file)));
    assert.deepEqual(sleeping, []);
  });

  test("every picture of the documentation is shown in it, and smaller than 200 KB", () => {
    const pages = filesBelow("docs", /\.md$/).map(read).join();
    for (const file of filesBelow("docs/images", /./)) {
      assert.ok(statSync(path.join(root, file)).size < 200_000, file);
      assert.ok(pages.includes(`(images/${path.basename(file)})`), file);
    }
  });

  test("the version of the program is that of the package", () => {
    assert.equal(version, JSON.parse(read("package.json")).version);
  });

  test("every dependency is explained in docs/decisions/dependencies.md, and no other", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json"));
    const explained = [...read("docs/decisions/dependencies.md").matchAll(/^\| `([^`]+)`/gm)].map(
      ([, name]) => name,
    );
    assert.deepEqual(explained.sort(), Object.keys({ ...dependencies, ...devDependencies }).sort());
  });

  test("every folder and symbol that ARCHITECTURE.md names in backticks exists", () => {
    const sources = filesBelow("src", /\.(ts|proto)$/)
      .map(read)
      .join("\n");
    const names = [...read("ARCHITECTURE.md").matchAll(/`([A-Za-z][A-Za-z0-9]*)`/g)].map(
      ([, name]) => name ?? "",
    );
    const folders = [
      ...read("ARCHITECTURE.md").matchAll(/`((?:src|test|scripts|bench|examples|docs|data)\/[\w./-]*)`/g),
    ].map(([, name]) => name ?? "");
    const existing = new Set(
      filesBelow(".", /./).flatMap((file) => [file, `${path.dirname(file)}`, `${path.dirname(file)}/`]),
    );
    assert.deepEqual(
      names.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources)),
      [],
    );
    assert.deepEqual(
      folders.filter(
        (name) =>
          !existing.has(name) &&
          !existing.has(name.replace(/\/$/, "")) &&
          ![...existing].some((file) => file.startsWith(name)),
      ),
      [],
    );
  });

  test("the product's code knows none of the examples", () => {
    const names = /\b(helloworld\.sample|istiodemo|main0|remote0|fluidosmesh)\b/;
    const code = sources().filter((file) => !file.endsWith(".test.ts"));
    const knowing = code.filter((file) => names.test(read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")));
    assert.deepEqual(knowing, []);
  });
});
