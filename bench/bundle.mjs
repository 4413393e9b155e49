// Bundles a TypeScript program of this folder, for the benches that run parts of the product in processes of their own.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Returns the path of the program made from `entry` ("discovery/main.ts"), kept out of the way of git. */
export async function bundle(entry) {
  const outfile = path.join(root, ".cache/bench", entry.replaceAll("/", "-").replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [path.join(root, "bench", entry)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
  return outfile;
}

/** Runs the program made from `entry`; `parts` are the programs that it starts. Returns its exit code. */
export async function runBundled(entry, parts, args) {
  for (const part of parts) await bundle(part);
  const { status } = spawnSync(process.execPath, [await bundle(entry), ...args], { stdio: "inherit" });
  return status ?? 1;
}
