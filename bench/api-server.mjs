// The embedded API server under load, beside what kube-apiserver did under the same.
//
//   node bench/api-server.mjs [--configmaps 2000] [--pods 5000] [--connections 16] [--runs 3] [--profile FOLDER]
import { runBundled } from "./bundle.mjs";

process.exitCode = await runBundled("api-server/main.ts", ["servers.ts"], process.argv.slice(2));
