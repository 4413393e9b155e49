// How fast the console's graph is: layout, first picture, frames while it is moved about and animated.
//
//   node bench/console.mjs [--seconds 3] [--workloads 200,1000]
//
// Needs a Chromium (CHROMIUM_PATH, or one on PATH) and the built pages (npm run build).
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runBundled } from "./bundle.mjs";

const pages = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "dist/console");
process.exitCode = await runBundled("console/main.ts", [], ["--pages", pages, ...process.argv.slice(2)]);
