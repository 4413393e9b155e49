// Types, lint and format, one after another; the exit code is that of the first that fails.
import { spawnSync } from "node:child_process";

for (const [tool, ...args] of [
  ["node", "scripts/generate-xds.mjs"],
  ["node_modules/.bin/tsc", "-p", "."],
  ["node_modules/.bin/tsc", "-p", "console-web"],
  ["node_modules/.bin/biome", "check", "--error-on-warnings", "."],
]) {
  const { status } = spawnSync(tool, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
