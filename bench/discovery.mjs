// The control plane under change, in the shapes in which istiod was measured.
//
//   node bench/discovery.mjs [--size M,Big] [--clients 1,100,1000] [--events EndpointSlice,VirtualService,…]
//                            [--protocol delta,state-of-the-world] [--workloads 1] [--rounds 15]
//                            [--istiod PATH] [--profile FOLDER]
//
// API server, control plane and clients are a process each, so that CPU and memory are the control plane's own.
// --workloads spreads the clients over that many workloads, which have configurations of their own. --istiod runs
// the same with upstream's pilot-discovery in the place of ours. --profile keeps CPU profiles of the servers.
import { runBundled } from "./bundle.mjs";

process.exitCode = await runBundled(
  "discovery/main.ts",
  ["servers.ts", "discovery/clients.ts"],
  process.argv.slice(2),
);
