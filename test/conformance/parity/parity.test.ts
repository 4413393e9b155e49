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
/** So many stages of a kind stand side by side: a case mostly waits. */
const lanes = 3;
const stages = new Map<string, Promise<Stage>>();
const results = new Map<string, Promise<Observed[]>>();
/** A stage shows one case at a time. */
const turns = new Map<string, Promise<unknown>>();

afterAll(async () => {
  for (const stage of stages.values()) await (await stage).stop();
  await (await servers)?.stop();
});

/** What comes of a case on a data plane; each runs once, whoever asks first, unless its test is tried again. */
function observe(row: Case, envoy: string | undefined, isAgain = false): Promise<Observed[]> {
  const plane = envoy === undefined ? "built-in" : "envoy";
  const key = `${plane} ${row.name}`;
  let result = isAgain ? undefined : results.get(key);
  if (result === undefined) {
    const lane = `${plane} ${allCases.indexOf(row) % lanes}`;
    const stage = stages.get(lane) ?? outside().then((servers) => openStage(keys, servers, envoy));
    stages.set(lane, stage);
    const before = turns.get(lane) ?? Promise.resolve();
    result = before.then(async () => runCase(await stage, row));
    turns.set(
      lane,
      result.catch(() => {}),
    );
    results.set(key, result);
  }
  return result;
}

const isRetry = ({ result }: { readonly result?: { readonly retryCount?: number } | undefined }) =>
  (result?.retryCount ?? 0) > 0;

/** The same on the built-in proxy, and on Envoy where there is one; the cases that follow begin in the other lanes. */
function observeAhead(row: Case): Promise<Observed[]> {
  const at = allCases.indexOf(row);
  for (const next of allCases.slice(at, at + 2 * lanes)) {
    void observe(next, undefined).catch(() => {});
    if (binary !== "") void observe(next, binary).catch(() => {});
  }
  return observe(row, undefined);
}

const isKnown = (row: Case) => knownDifferences.some(({ name }) => name === row.name);

suite("the table holds on the built-in proxy", () => {
  for (const row of allCases) {
    test(`${row.proxy}: ${row.name}`, async ({ task }) => {
      checkExpected(row, await (isRetry(task) ? observe(row, undefined, true) : observeAhead(row)));
    });
  }
});

suite.skipIf(binary === "")(
  "the table holds on a real Envoy, and both proxies act alike [needs envoy]",
  () => {
    for (const row of allCases) {
      if (isKnown(row)) continue;
      test(`${row.proxy}: ${row.name}`, async ({ task }) => {
        const real = await observe(row, binary, isRetry(task));
        checkExpected(row, real);
        assert.deepEqual(
          comparable(row, await observe(row, undefined, isRetry(task))),
          comparable(row, real),
        );
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
