// Generates the xDS types and bundles the command into dist/, so that it starts fast.
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

// Installed as a package, the bundle is already there and the build's tools are not.
if (existsSync("src")) await build();

async function build() {
  await import("./generate-xds.mjs");
  const { build: bundle } = await import("esbuild");
  rmSync("dist", { recursive: true, force: true });
  mkdirSync("dist", { recursive: true });
  await bundle({
    entryPoints: { main: "src/cli/main.ts" },
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    sourcemap: "linked",
    logLevel: "warning",
    banner: {
      // Bundled CommonJS packages call require for Node's own modules.
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
  // Whoever pulled a change of the dependencies and has not installed them yet can still run everything else.
  if (existsSync("node_modules/react")) await (await import("./build-console.mjs")).buildConsole();
  else console.warn("the console's pages are left out: their packages are not installed (npm ci)");
  if (existsSync("data")) cpSync("data", "dist/data", { recursive: true });
}
