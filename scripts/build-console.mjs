// Builds the console's pages from console-web/ into dist/console: bundled, split, named by their content, compressed.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = "dist/console";
/** elkjs is shipped as it is, a worker of its own that is loaded with the first graph. */
const layoutWorker = "node_modules/elkjs/lib/elk-worker.min.js";

export async function buildConsole() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const worker = withDigest("layout-worker.js", readFileSync(layoutWorker));
  const { outputFiles, metafile } = await build({
    entryPoints: { console: "console-web/src/main.tsx", theme: "console-web/src/theme.ts" },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    jsx: "automatic",
    target: ["chrome115", "firefox115", "safari16.5"],
    minify: true,
    legalComments: "none",
    loader: { ".woff2": "file" },
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    define: { "process.env.NODE_ENV": '"production"', LAYOUT_WORKER: JSON.stringify(`/${worker}`) },
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  for (const { path: file, contents } of outputFiles) save(path.basename(file), contents);
  const entry = (name, ending) =>
    path.basename(
      Object.entries(metafile.outputs).find(
        ([file, { entryPoint }]) =>
          file.endsWith(ending) &&
          (entryPoint?.endsWith(name) || (ending === ".css" && path.basename(file).startsWith("console-"))),
      )[0],
    );
  const page = readFileSync("console-web/index.html", "utf8")
    .replace("{theme}", entry("src/theme.ts", ".js"))
    .replace("{script}", entry("src/main.tsx", ".js"))
    .replace("{style}", entry("src/main.tsx", ".css"));
  save("index.html", Buffer.from(page));
}

function withDigest(name, contents) {
  const digest = createHash("sha256").update(contents).digest("hex").slice(0, 8).toUpperCase();
  const { name: stem, ext } = path.parse(name);
  const full = `${stem}-${digest}${ext}`;
  save(full, contents);
  return full;
}

/** Only the compressed form is kept: every browser takes it. */
function save(name, contents) {
  writeFileSync(path.join(folder, `${name}.gz`), gzipSync(contents, { level: 9 }));
}
