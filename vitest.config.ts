import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./scripts/closing-line.mjs"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/repo/**/*.test.ts", "bench/**/*.test.ts"],
          pool: "threads",
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "scenarios",
          include: [
            "test/scenarios/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/product/**/*.test.ts",
          ],
          pool: "forks",
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
