// Runs tests; arguments go to Vitest (file names, -t, --project). Without --project: all that need no Envoy.
import { spawnSync } from "node:child_process";

const args = process.argv.slice(2);
const isChosen = args.some((arg) => arg.startsWith("--project"));
const { status } = spawnSync(
  "node_modules/.bin/vitest",
  ["run", ...(isChosen ? [] : ["--project", "unit", "--project", "scenarios"]), ...args],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
