// Brings up the helloworld example over two clusters, shows answers that both get, and runs until Ctrl-C.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const state = ["--state", "examples/aks/.isthmus"];
const isthmus = (...args) =>
  spawnSync(process.execPath, ["bin/isthmus", ...args, ...state], { cwd: root, stdio: "inherit" }).status ??
  1;

let down = false;
const end = () => {
  if (!down) isthmus("down");
  down = true;
  process.exit(0);
};

const started = isthmus(
  "up",
  "examples/aks/mesh.yaml",
  "--detach",
  "--exit-with",
  String(process.pid),
  ...process.argv.slice(2),
);
if (started !== 0) process.exit(started);
process.on("SIGINT", end);
process.on("SIGTERM", end);

const url = "http://helloworld.sample:5000/hello";
for (const cluster of ["main0", "remote0"]) {
  console.log(`\n  from ${cluster}, through its sidecar, ${url}`);
  isthmus(
    "load",
    url,
    "--from",
    "deploy/sleep.sample",
    "--cluster",
    cluster,
    "--rate",
    "20",
    "--duration",
    "300ms",
    "--fresh",
    "--show",
    "6",
  );
}
console.log("\nRunning; another terminal can use the commands above. Ctrl-C ends it.");
setInterval(() => {}, 1 << 30);
