import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { formatNumber } from "../../../src/telemetry/promql/format-number.ts";
import { type Line, runInstantQuery, runRangeQuery } from "../../../src/telemetry/promql/run-query.ts";
import { formatLabels, type Labels } from "../../../src/telemetry/store/labels.ts";
import { findPrometheus } from "../../support/tools.ts";
import { oracleData, oracleSeconds, oracleStart } from "./oracle-data.ts";
import { type PrometheusProcess, startPrometheus } from "./prometheus-process.ts";
import { createExpressions, randomNumbers } from "./random-promql.ts";

const prometheus = findPrometheus();
/** Another seed gives other samples and expressions. */
const seed = Number(process.env["PROMQL_SEED"] ?? 7);
const count = Number(process.env["PROMQL_COUNT"] ?? 400);
const { store, openMetrics } = oracleData(seed);

/** Text of every value by series and time, or that there is none. */
type Answer = ReadonlyMap<string, number> | "refused";

let oracle: PrometheusProcess;

async function theirs(path: string, parameters: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${oracle.url}/api/v1/${path}`, {
    method: "POST",
    body: new URLSearchParams(parameters),
  });
  const body = (await response.json()) as { status: string; data: { resultType: string; result: unknown } };
  if (body.status !== "success") return "refused";
  if (body.data.resultType === "scalar" || body.data.resultType === "string")
    return answerOf([{ labels: {}, values: [body.data.result as [number, string]] }]);
  const result = body.data.result as {
    metric: Labels;
    value?: [number, string];
    values?: [number, string][];
  }[];
  return answerOf(
    result.map(({ metric, value, values }) => ({
      labels: metric,
      values: values ?? (value === undefined ? [] : [value]),
    })),
  );
}

function answerOf(lines: { labels: Labels; values: readonly (readonly [number, string])[] }[]): Answer {
  const all = new Map<string, number>();
  for (const { labels, values } of lines)
    for (const [time, value] of values)
      all.set(`${formatLabels(labels)} @ ${time.toFixed(3)}`, Number(value.replace("Inf", "Infinity")));
  return all;
}

function ours(evaluate: () => readonly Line[]): Answer {
  try {
    return answerOf(
      evaluate().map(({ labels, times, values }) => ({
        labels,
        values: times.map((time, i) => [time / 1000, formatNumber(values[i] ?? 0)] as const),
      })),
    );
  } catch {
    return "refused";
  }
}

function instant(expression: string, at: number): readonly Line[] {
  const result = runInstantQuery(expression, Math.round(at * 1000), store.select);
  switch (result.type) {
    case "scalar":
      return [{ labels: {}, times: [result.at], values: [result.value] }];
    case "vector":
      return result.samples.map(({ labels, value }) => ({ labels, times: [result.at], values: [value] }));
    case "matrix":
      return result.lines;
    default:
      throw new Error(`unexpected ${result.type}`);
  }
}

/** Equal but for the order in which numbers were added up. */
function isClose(a: number, b: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
}

function difference(expected: Answer, found: Answer): string | undefined {
  if (typeof expected === "string" || typeof found === "string")
    return expected === found ? undefined : `Prometheus: ${text(expected)}, isthmus: ${text(found)}`;
  for (const key of new Set([...expected.keys(), ...found.keys()])) {
    const [a, b] = [expected.get(key), found.get(key)];
    if (a === undefined || b === undefined || !isClose(a, b)) return `${key}: Prometheus ${a}, isthmus ${b}`;
  }
  return undefined;
}

function text(answer: Answer): string {
  return typeof answer === "string" ? answer : `${answer.size} values`;
}

suite.skipIf(prometheus === undefined)("PromQL beside a real Prometheus [needs prometheus]", () => {
  beforeAll(async () => {
    oracle = await startPrometheus(prometheus ?? "", { openMetrics });
  });
  afterAll(() => oracle?.stop());

  test(`random expressions over the same samples give the same answers (seed ${seed})`, async () => {
    const random = randomNumbers(seed);
    const next = createExpressions(random);
    const differences: string[] = [];
    let answered = 0;
    for (let i = 0; i < count; i++) {
      const query = next();
      const at = oracleStart + Math.floor(random() * (oracleSeconds + 600) * 1000) / 1000;
      const isRange = i % 2 === 1;
      const range = { start: at - 300, end: at, step: 25 };
      const expected = isRange
        ? await theirs("query_range", {
            query,
            ...Object.fromEntries(Object.entries(range).map(([name, value]) => [name, String(value)])),
          })
        : await theirs("query", { query, time: String(at) });
      const found = ours(() =>
        isRange
          ? runRangeQuery(
              query,
              { start: Math.round(range.start * 1000), end: Math.round(range.end * 1000), step: 25_000 },
              store.select,
            )
          : instant(query, at),
      );
      if (typeof expected !== "string" && expected.size > 0) answered++;
      const problem = difference(expected, found);
      if (problem !== undefined)
        differences.push(`${query} at ${at}${isRange ? " (range)" : ""}\n    ${problem}`);
    }
    assert.deepEqual(differences, []);
    assert.ok(answered > count / 2, `only ${answered} of ${count} expressions had values`);
  });
});
