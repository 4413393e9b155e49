import { defineConfig } from "vitest/config";

/** Scenarios whose answers must be the same on real Envoys. The others ask nothing of the data plane. */
const onEnvoy = [
  "ai-demo",
  "aks",
  "exports",
  "findings",
  "global",
  "gloo",
  "ingress",
  "istioctl",
  "liqo",
  "liqo-offloading",
  "oke",
  "survival",
  "telemetry",
  "liqo-traces",
  "traces-and-logs",
];

/** The built program with real sockets: each file in a process of its own, three at a time since they wait a lot. */
const scenarios = {
  pool: "forks",
  maxWorkers: 3,
  // After the unit tests, which take all that there is.
  sequence: { groupOrder: 1 },
  // What never comes is told late rather than what comes late as missing: a busy machine is five times slower.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  // Real tools on a busy machine: one more try, and the run's end names who needed it.
  retry: 1,
} as const;

export default defineConfig({
  test: {
    reporters: ["default", "./scripts/closing-line.mjs"],
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "console-web/src/**/*.test.ts",
            "test/repo/**/*.test.ts",
            "bench/**/*.test.ts",
          ],
          pool: "threads",
          isolate: false,
          // Real sockets and processes here too.
          retry: 1,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...scenarios,
          name: "scenarios",
          include: [
            "test/scenarios/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/product/**/*.test.ts",
          ],
        },
      },
      {
        test: {
          ...scenarios,
          name: "envoy",
          include: onEnvoy.map((name) => `test/scenarios/${name}.test.ts`),
          env: { DATAPLANE: "envoy" },
        },
      },
    ],
  },
});
