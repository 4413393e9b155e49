// Compares what discovery generates with recorded scenes: golden.mjs [--only PART,…] DIR…
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import "./generate-xds.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outfile = path.join(root, "node_modules/.cache/isthmus/golden.mjs");
await build({
  entryPoints: [path.join(root, "test/conformance/golden/main.ts")],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  logLevel: "warning",
});
const { runGolden } = await import(pathToFileURL(outfile).href);
process.exitCode = runGolden(process.argv.slice(2), path.join(root, "test/golden/differences.json"), (line) =>
  console.log(line),
);
