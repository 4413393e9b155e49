// Runs all tests; further arguments go to Vitest (file names, -t, --project).
import { spawnSync } from "node:child_process";

const { status } = spawnSync("node_modules/.bin/vitest", ["run", ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
