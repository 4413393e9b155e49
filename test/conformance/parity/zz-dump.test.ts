import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { allCases } from "./cases/index.ts";
import { checkExpected, comparable } from "./compare.ts";
import { makeKeys } from "./keys.ts";
import { runCase } from "./run-case.ts";
import { openStage } from "./stage.ts";

test("dump", { timeout: 200_000 }, async () => {
  const keys = makeKeys();
  const binary = process.env["ENVOY_PATH"];
  const [own, real] = [await openStage(keys, undefined), await openStage(keys, binary)];
  const rows: unknown[] = [];
  const filter = new RegExp(process.env["CASE"] ?? "");
  for (const row of allCases.filter((one) => filter.test(`${one.proxy}: ${one.name}`))) {
    const one = async (stage: typeof own) => {
      try {
        const seen = await runCase(stage, row);
        let expected = "ok";
        try {
          checkExpected(row, seen);
        } catch (e) {
          expected = String(e instanceof Error ? e.message : e).slice(0, 300);
        }
        return { seen: comparable(row, seen), expected, took: seen.map((s) => Math.round(s.took)) };
      } catch (e) {
        return { seen: String(e instanceof Error ? e.stack : e), expected: "threw" };
      }
    };
    const [a, b] = await Promise.all([one(own), one(real)]);
    rows.push({ name: `${row.proxy}: ${row.name}`, own: a, real: b });
  }
  writeFileSync("/tmp/parity.json", JSON.stringify(rows));
  await own.stop();
  await real.stop();
});
