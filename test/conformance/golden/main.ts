import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { compareScene, type Intended, type Part, parts } from "./compare.ts";
import { readScene } from "./scene.ts";

/**
 * Compares our snapshots with the scenes in the folders named: `[--only PART,…] DIR…`. Arguments that are no
 * folders are passed over. Returns the exit code: 0 without differences, 1 with some, 3 when nothing was compared.
 */
export function runGolden(
  args: readonly string[],
  differencesFile: string,
  print: (line: string) => void,
): number {
  const intended: readonly Intended[] = JSON.parse(readFileSync(differencesFile, "utf8"));
  const at = args.indexOf("--only");
  const named = at < 0 ? undefined : args[at + 1]?.split(",");
  const unknown = named?.filter((name) => !parts.some((part) => part === name)) ?? [];
  if (unknown.length > 0) {
    print(`unknown part ${unknown.join(", ")}; there are ${parts.join(", ")}`);
    return 3;
  }
  const only = new Set<Part>(named === undefined ? parts : parts.filter((part) => named.includes(part)));
  const folders = args
    .filter((_, i) => at < 0 || (i !== at && i !== at + 1))
    .filter(
      (arg) => existsSync(arg) && statSync(arg).isDirectory() && existsSync(path.join(arg, "expected.json")),
    );
  if (folders.length === 0) {
    print("no scene folders among the arguments");
    return 3;
  }
  const results = folders.map((folder) => {
    const scene = readScene(folder);
    return { scene, differences: compareScene(scene, only, intended) };
  });
  for (const { scene, differences } of results) {
    print(
      `${differences.length === 0 ? "equal    " : "DIFFERENT"} ${scene.name} (${scene.proxies.length} proxies, ${differences.length} differences)`,
    );
  }
  const all = results.flatMap(({ differences }) => differences);
  const shown = all.slice(0, 20);
  for (const { scene, proxy, path: at, expected, actual } of shown) {
    print(`${scene}/${proxy} ${at}\n  expected ${short(expected)}\n  actual   ${short(actual)}`);
  }
  if (all.length > shown.length) print(`… and ${all.length - shown.length} more`);
  return all.length === 0 ? 0 : 1;
}

function short(value: unknown): string {
  const text = value === undefined ? "(nothing)" : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
