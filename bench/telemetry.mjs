// What metrics cost: memory of a thousand series over an hour, and how long a query over all of them takes.
//
//   node bench/telemetry.mjs [--series 1000] [--rounds 20]
//
// What counting them costs the proxies is the scene "metrics" of bench/proxy.mjs, beside "mtls".
import { runBundled } from "./bundle.mjs";

process.exitCode = await runBundled("telemetry/main.ts", [], process.argv.slice(2));
