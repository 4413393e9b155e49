// One manager and many clusters: how long until all are connected and in step, what a change takes, what it costs.
//
//   node bench/fleet.mjs [--clusters 50] [--services 10] [--rounds 10] [--profile FOLDER] [--skip-mesh]
//
// The clusters are embedded API servers with namespaces and Services, and an agent each; no pods run in them. They are
// one process and the manager is another one, so that CPU and memory are the manager's own. --skip-mesh leaves out the
// start of the example gloo (three clusters, two control planes, Bookinfo) that is measured beside it.
import { runBundled } from "./bundle.mjs";

process.exitCode = await runBundled(
  "fleet/main.ts",
  ["fleet/clusters.ts", "fleet/manager.ts"],
  process.argv.slice(2),
);
