import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatLabels } from "../store/labels.ts";
import { createMetricStore } from "../store/metric-store.ts";
import { PromqlError } from "./expression.ts";
import { formatNumber } from "./format-number.ts";
import { parsePromql } from "./parse-promql.ts";
import { runInstantQuery, runRangeQuery } from "./run-query.ts";

// test/conformance/prometheus compares thousands of random expressions with a real Prometheus; here is what each does.

/** Two minutes of samples every 10 s. */
const end = 120_000;
const store = createMetricStore({ retention: 3_600_000, maxSamples: 1000 });
for (const [instance, speed] of [
  ["a", 1],
  ["b", 2],
] as const) {
  const target = store.target({ instance });
  for (let time = 10_000; time <= end; time += 10_000) {
    const count = (time / 10_000) * 10 * speed;
    const buckets = [0.5, 0.9, 1].map(
      (part, i) => `latency_bucket{le="${["10", "100", "+Inf"][i]}"} ${count * part}\n`,
    );
    const gone = time < 60_000 ? "gone 1\n" : "";
    target.take(
      `requests_total{code="200"} ${count}\nrequests_total{code="503"} ${count / 10}\nheat ${speed}\n${gone}${buckets.join("")}`,
      time,
      {},
    );
  }
}

function ask(expression: string, at = end): string[] {
  const result = runInstantQuery(expression, at, store.select);
  switch (result.type) {
    case "vector":
      return result.samples.map(({ labels, value }) => `${formatLabels(labels)} ${formatNumber(value)}`);
    case "matrix":
      return result.lines.map(
        ({ labels, values }) => `${formatLabels(labels)} ${values.map(formatNumber).join(" ")}`,
      );
    default:
      return [String(result.value)];
  }
}

suite("PromQL", () => {
  test.each([
    ["1 + 2 * 3 ^ 2", ["19"]],
    ["-1 ^ 2", ["-1"]],
    ["2 ^ 3 ^ 2", ["512"]],
    ["1 > bool 2", ["0"]],
    ['"text"', ["text"]],
    ["heat", ['heat{instance="a"} 1', 'heat{instance="b"} 2']],
    ["heat > 1", ['heat{instance="b"} 2']],
    ["1 < heat", ['heat{instance="b"} 2']],
    ["heat == bool 1", ['{instance="a"} 1', '{instance="b"} 0']],
    ['{__name__=~"he.*", instance!="a"}', ['heat{instance="b"} 2']],
    ["heat[25s]", ['heat{instance="a"} 1 1 1', 'heat{instance="b"} 2 2 2']],
    ["sum(heat)", ["{} 3"]],
    ["sum by (code) (requests_total)", ['{code="200"} 360', '{code="503"} 36']],
    ["avg without (code) (requests_total)", ['{instance="a"} 66', '{instance="b"} 132']],
    ["topk(1, requests_total)", ['requests_total{code="200", instance="b"} 240']],
    ['count_values("n", heat * 10)', ['{n="10"} 1', '{n="20"} 1']],
    [
      'rate(requests_total{code="200"}[1m])',
      ['{code="200", instance="a"} 1', '{code="200", instance="b"} 2'],
    ],
    ["rate(requests_total[1m] offset 30s)", 4],
    ["max_over_time(sum(heat)[1m:10s])", ["{} 3"]],
    ["histogram_quantile(0.9, sum by (le) (rate(latency_bucket[1m])))", ["{} 100"]],
    [
      'requests_total{code="503"} / on (instance) requests_total{code="200"}',
      ['{instance="a"} 0.1', '{instance="b"} 0.1'],
    ],
    ["requests_total / on (instance) group_left heat", 4],
    ["requests_total * ignoring (code) group_left (instance) heat > 200", ['{code="200", instance="b"} 480']],
    ["heat and on (instance) requests_total", 2],
    ['heat unless heat{instance="a"}', ['heat{instance="b"} 2']],
    ["absent_metric or on () vector(1)", ["{} 1"]],
    ['absent(absent_metric{a="b", c=~"d"})', ['{a="b"} 1']],
    ['label_join(heat{instance="a"}, "x", "-", "instance", "instance")', ['heat{instance="a", x="a-a"} 1']],
    ['label_replace(heat{instance="a"}, "x", "${1}2", "instance", "(.*)")', ['heat{instance="a", x="a2"} 1']],
    ["scalar(heat)", ["NaN"]],
    ["time()", ["120"]],
    ["year(vector(0))", ["{} 1970"]],
    ["atan2(1, 1)", PromqlError],
    ["1 atan2 1", [String(Math.PI / 4)]],
    ["heat atan2 0 == bool 0", 2],
  ] as const)("%s", (expression, expected) => {
    if (typeof expected === "function") assert.throws(() => ask(expression), expected);
    else if (typeof expected === "number") assert.equal(ask(expression).length, expected);
    else assert.deepEqual(ask(expression), expected);
  });

  test("a series counts for five minutes after its last sample, but not when it has ended", () => {
    assert.deepEqual(ask("heat", end + 299_000).length, 2);
    assert.deepEqual(ask("heat", end + 300_000), []);
    assert.deepEqual(ask("gone", 55_000).length, 2);
    assert.deepEqual(ask("gone", 60_000), []);
  });

  test("a range query has a value for every step at which there is one", () => {
    const lines = runRangeQuery("gone", { start: 40_000, end: 80_000, step: 5_000 }, store.select);
    assert.deepEqual(
      lines.map(({ times }) => times),
      [
        [40_000, 45_000, 50_000, 55_000],
        [40_000, 45_000, 50_000, 55_000],
      ],
    );
  });

  test.each([
    ["", "an expression is wanted, found the end", 0],
    ["sum(", "an expression is wanted, found the end", 4],
    ["rate(heat)", 'expected type range vector in call to function "rate", got instant vector', 0],
    ["heat[5m]offset", "a duration is wanted, like 5m, found the end", 14],
    ['heat{a=~"("}', "Invalid regular expression: /^(?:()$/s: Unterminated group", 8],
    ["{}", 'vector selector must contain at least one non-empty matcher, found "{"', 0],
    ["1 < 2", 'comparisons between scalars must use BOOL modifier, found "<"', 2],
    ["heat and 1", 'set operator "and" not allowed in binary scalar expression, found "and"', 5],
    ["nothing(heat)", 'unknown function with name "nothing", found "nothing"', 0],
    ["heat offset 1m offset 2m", 'offset may not be set multiple times, found "offset"', 15],
    ["heat $ 1", 'unexpected "$"', 5],
    ["'no end", "a text has no end", 0],
    [`${"(".repeat(300)}1`, 'the expression is nested too deep, found "("', 200],
  ])("%j is refused, with the place", (expression, message, position) => {
    assert.throws(() => parsePromql(expression), { name: "PromqlError", message, position });
  });

  test.each([
    ["requests_total / on (instance) requests_total", /many-to-many matching not allowed/],
    [
      "requests_total / on (instance) heat",
      /multiple matches for labels: many-to-one matching must be explicit/,
    ],
    [
      'label_replace(requests_total, "code", "", "code", ".*")',
      /vector cannot contain metrics with the same labelset/,
    ],
    [
      '{__name__=~"requests_total|heat"} + 0 + heat[1m]',
      /binary expression must contain only scalar and instant vector/,
    ],
    ["holt_winters(heat[1m], 2, 0.5)", /invalid smoothing factor/],
  ])("%s can't be evaluated", (expression, message) => {
    assert.throws(() => ask(expression), { name: "PromqlError", message });
  });

  test("a range query has a bounded number of steps, and steps that lead on", () => {
    const query = (start: number, until: number, step: number) => () =>
      runRangeQuery("heat", { start, end: until, step }, store.select);
    assert.throws(query(0, 11_001_000, 1000), /exceeded maximum resolution of 11,000 points/);
    assert.throws(query(0, 1000, 0), /zero or negative/);
    assert.throws(query(1000, 0, 1), /end timestamp must not be before start time/);
    assert.throws(
      () => runRangeQuery("heat[1m]", { start: 0, end: 1, step: 1 }, store.select),
      /invalid expression type "range vector"/,
    );
  });

  test.each([
    [1e21, "1000000000000000000000"],
    [1.5e-7, "0.00000015"],
    [-0, "-0"],
    [0.1, "0.1"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ])("the number %d is written as %s", (value, text) => {
    assert.equal(formatNumber(value), text);
  });
});
