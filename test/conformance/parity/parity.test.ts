import assert from "node:assert/strict";
import { afterAll, suite, test } from "vitest";
import { findEnvoy } from "../../support/tools.ts";
import type { Case } from "./case.ts";
import { allCases } from "./cases/index.ts";
import { checkExpected, comparable } from "./compare.ts";
import { makeKeys } from "./keys.ts";
import { knownDifferences } from "./known-differences.ts";
import { type Outside, startOutside } from "./outside.ts";
import { type Observed, runCase } from "./run-case.ts";
import { openStage, type Stage } from "./stage.ts";

const binary = findEnvoy() ?? "";
const keys = makeKeys();
let servers: Promise<Outside> | undefined;
const outside = () => {
  servers ??= startOutside();
  return servers;
};
const stages = new Map<string, Promise<Stage>>();
const results = new Map<string, Promise<Observed[]>>();
/** A stage shows one case at a time. */
const turns = new Map<string, Promise<unknown>>();

afterAll(async () => {
  for (const stage of stages.values()) await (await stage).stop();
  await (await servers)?.stop();
});

/** What comes of a case on a data plane; each runs once, whoever asks first. */
function observe(row: Case, envoy: string | undefined): Promise<Observed[]> {
  const plane = envoy === undefined ? "built-in" : "envoy";
  const key = `${plane} ${row.name}`;
  let result = results.get(key);
  if (result === undefined) {
    const stage = stages.get(plane) ?? outside().then((servers) => openStage(keys, servers, envoy));
    stages.set(plane, stage);
    const before = turns.get(plane) ?? Promise.resolve();
    result = before.then(async () => runCase(await stage, row));
    turns.set(
      plane,
      result.catch(() => {}),
    );
    results.set(key, result);
  }
  return result;
}

const isKnown = (row: Case) => knownDifferences.some(({ name }) => name === row.name);

suite("the table holds on the built-in proxy", () => {
  for (const row of allCases) {
    test(`${row.proxy}: ${row.name}`, async () => {
      if (binary !== "") void observe(row, binary).catch(() => {});
      checkExpected(row, await observe(row, undefined));
    });
  }
});

suite.skipIf(binary === "")(
  "the table holds on a real Envoy, and both proxies act alike [needs envoy]",
  () => {
    for (const row of allCases) {
      if (isKnown(row)) continue;
      test(`${row.proxy}: ${row.name}`, async () => {
        const real = await observe(row, binary);
        checkExpected(row, real);
        assert.deepEqual(comparable(row, await observe(row, undefined)), comparable(row, real));
      });
    }

    for (const { name, reason } of knownDifferences) {
      test(`still differs: ${name}: ${reason}`, async () => {
        const row = allCases.find((one) => one.name === name);
        assert.ok(row !== undefined, "there is no such case");
        const own = await observe(row, undefined).then((seen) => comparable(row, seen), String);
        assert.notDeepEqual(own, comparable(row, await observe(row, binary)));
      });
    }
  },
);

test("names of cases are unique, and there are enough of them", () => {
  assert.equal(new Set(allCases.map(({ name }) => name)).size, allCases.length);
  assert.ok(allCases.length >= 200, `${allCases.length}`);
});
