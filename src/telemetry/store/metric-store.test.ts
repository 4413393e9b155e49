import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createMatcher, type MatchOperator } from "./matcher.ts";
import { createMetricStore, type MetricStore } from "./metric-store.ts";

const always = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

function newStore(limits: { maxSamples?: number; maxSeries?: number; retention?: number } = {}): MetricStore {
  return createMetricStore({ retention: 3_600_000, maxSamples: 1000, ...limits });
}

function read(store: MetricStore, name: string, from: number = always[0], to: number = always[1]) {
  return store.select([createMatcher("__name__", "=", name)], from, to).map((series) => {
    const { times, values, ends } = series.read(from, to);
    return { ...series.labels, samples: times.map((time, i) => [time, values[i]]), ends };
  });
}

suite("the store of metrics", () => {
  test("a series has a sample for every page that has it, whether its value changed or not", () => {
    const store = newStore();
    const target = store.target({ job: "j" });
    for (const [time, value] of [
      [10, 1],
      [20, 1],
      [30, 2],
      [40, 2],
    ] as const)
      target.take(`x{a="b"} ${value}\n`, time, {});
    const [series] = read(store, "x");
    assert.deepEqual(series, {
      __name__: "x",
      a: "b",
      job: "j",
      samples: [
        [10, 1],
        [20, 1],
        [30, 2],
        [40, 2],
      ],
      ends: [],
    });
    assert.deepEqual(read(store, "x", 10, 30)[0]?.samples, [
      [20, 1],
      [30, 2],
    ]);
    assert.deepEqual(read(store, "x", 40, 90), []);
  });

  test("a series that a page lacks ends there, and goes on with the next page that has it", () => {
    const store = newStore();
    const target = store.target({});
    target.take("x 1\ny 1\n", 10, {});
    target.take("y 1\n", 20, {});
    target.take("x 1\ny 1\n", 30, {});
    assert.deepEqual(read(store, "x")[0], {
      __name__: "x",
      samples: [
        [10, 1],
        [30, 1],
      ],
      ends: [20],
    });
    assert.deepEqual(read(store, "y")[0]?.ends, []);
  });

  test("everything of a target that does not answer ends but what is said of it by itself", () => {
    const store = newStore();
    const target = store.target({});
    target.take("x 1\n", 10, { up: 1 });
    target.miss(20, { up: 0 });
    target.miss(30, { up: 0 });
    assert.deepEqual(read(store, "x")[0], { __name__: "x", samples: [[10, 1]], ends: [20] });
    assert.deepEqual(read(store, "up")[0]?.samples, [
      [10, 1],
      [20, 0],
      [30, 0],
    ]);
    target.close(40);
    assert.deepEqual(read(store, "up")[0]?.ends, [40]);
  });

  test("nothing of a page with a mistake is kept", () => {
    const store = newStore();
    const target = store.target({});
    assert.throws(() => target.take("x 1\ny{a=b} 2\n", 10, { up: 1 }));
    assert.deepEqual(store.size.series, 0);
    target.miss(10, { up: 0 });
    assert.deepEqual(read(store, "up")[0]?.samples, [[10, 0]]);
  });

  test("a counter that appears later has counted from 0 since the page before; a gauge has not", () => {
    const store = newStore();
    const target = store.target({});
    target.startAt(5);
    target.take("# TYPE early counter\nearly 7\n# TYPE level gauge\nlevel 3\n", 10, {});
    target.take(
      '# TYPE h histogram\nh_bucket{le="1"} 4\n# TYPE s summary\ns{quantile="1"} 2\ns_count 2\nplain 1\n',
      20,
      {},
    );
    assert.deepEqual(read(store, "early")[0]?.samples, [
      [5, 0],
      [10, 7],
    ]);
    assert.deepEqual(read(store, "level")[0]?.samples, [[10, 3]]);
    assert.deepEqual(read(store, "h_bucket")[0]?.samples, [
      [10, 0],
      [20, 4],
    ]);
    assert.deepEqual(read(store, "s_count")[0]?.samples, [
      [10, 0],
      [20, 2],
    ]);
    assert.deepEqual(read(store, "s")[0]?.samples, [[20, 2]]);
    assert.deepEqual(read(store, "plain")[0]?.samples, [[20, 1]]);
  });

  test("a counter of a target that was never seen without it begins with its first value", () => {
    const store = newStore();
    const target = store.target({});
    target.take("# TYPE x counter\nx 7\n", 10, {});
    target.close(20);
    target.take("# TYPE y counter\ny 7\n", 30, {});
    assert.deepEqual(read(store, "x")[0]?.samples, [[10, 7]]);
    assert.deepEqual(read(store, "y")[0]?.samples, [[30, 7]]);
  });

  test("labels of a page give way to those of its target", () => {
    const store = newStore();
    store
      .target({ job: "j", exported_pod: "q" })
      .take('x{job="own",pod="p",exported_pod="r",none=""} 1\n', 10, {});
    assert.deepEqual(store.select([createMatcher("job", "=", "j")], ...always)[0]?.labels, {
      __name__: "x",
      exported_exported_pod: "r",
      exported_job: "own",
      exported_pod: "q",
      job: "j",
      pod: "p",
    });
  });

  test("samples older than the retention, or more than are kept, are forgotten, and series that ended with them", () => {
    const store = newStore({ retention: 100, maxSamples: 5 });
    const [old, young] = [store.target({ a: "old" }), store.target({ a: "young" })];
    old.take("x 1\nz 1\n", 10, {});
    old.close(20);
    for (let time = 10; time <= 140; time += 10) young.take(`y ${time}\nw 1\n`, time, {});
    store.trim(140);
    assert.deepEqual(read(store, "x"), []);
    assert.deepEqual(
      read(store, "y")[0]?.samples.map(([time]) => time),
      [100, 110, 120, 130, 140],
    );
    assert.deepEqual(read(store, "w")[0]?.samples.length, 5);
    assert.equal(store.size.series, 2);
    young.take("y 150\n", 150, {});
    assert.deepEqual(read(store, "y")[0]?.samples.at(-1), [150, 150]);
  });

  test("series beyond the bound are left out and counted, those that are known go on", () => {
    const store = newStore({ maxSeries: 2 });
    const target = store.target({});
    target.take("a 1\nb 1\nc 1\n", 10, {});
    target.take("a 2\nb 2\nc 2\n", 20, {});
    assert.deepEqual(store.size, { series: 2, leftOut: 2 });
    assert.deepEqual(read(store, "b")[0]?.samples, [
      [10, 1],
      [20, 2],
    ]);
  });

  test("with more changes than there is room for, samples are kept less long", () => {
    const store = createMetricStore({ retention: 1000, maxSamples: 1000, maxChanges: 50 });
    const target = store.target({});
    for (let time = 10; time <= 1000; time += 10) target.take(`x ${time}\n`, time, {});
    store.trim(1000);
    assert.deepEqual(read(store, "x")[0]?.samples.length, 51);
  });

  test("series whose names differ in one character anywhere are not taken for each other", () => {
    const store = newStore();
    const names = ["a", "b"].flatMap((a) =>
      ["a", "b"].flatMap((b) => [`x{l="${a}",m="${b}"}`, `x{l="${a},m=${b}"}`]),
    );
    store.target({}).take(names.map((name, i) => `${name} ${i}\n`).join(""), 10, {});
    assert.deepEqual(
      read(store, "x")
        .map(({ samples }) => samples[0]?.[1])
        .sort(),
      names.map((_, i) => i),
    );
  });

  test("a page that is not newer than the last one changes nothing", () => {
    const store = newStore();
    const target = store.target({});
    target.take("x 1\n", 10, {});
    target.take("x 2\n", 10, {});
    target.take("x 3\n", 5, {});
    assert.deepEqual(read(store, "x")[0]?.samples, [[10, 1]]);
  });

  test.each([
    ["=", "ab", { a: "ab" }, true],
    ["=", "", {}, true],
    ["!=", "ab", { a: "ab" }, false],
    ["=~", "a|b", { a: "b" }, true],
    ["=~", "a|b", { a: "ab" }, false],
    ["=~", "a.*", { a: "a\nb" }, true],
    ["=~", "(?i)AB", { a: "aB" }, true],
    ["=~", "(?i)[a-c]\\d\\.X", { a: "B1.x" }, true],
    ["=~", "(?i)[a-c]", { a: "D" }, false],
    ["!~", "a.+", {}, true],
    ["!~", "a.+", { a: "ab" }, false],
  ] as const)("a%s%j matches %j: %s", (operator: MatchOperator, value, labels, expected) => {
    assert.equal(createMatcher("a", operator, value).matches(labels), expected);
  });
});

suite("regular expressions", () => {
  test("take no longer for being awkward", () => {
    const matcher = createMatcher("a", "=~", "(?i)(x+x+)+y");
    const started = performance.now();
    assert.equal(matcher.matches({ a: "x".repeat(5000) }), false);
    // Tried as backtracking does, it would take for ever.
    assert.ok(performance.now() - started < 20_000);
  });

  test.each(["(a)\\1", "(?=a)b", "(?<!a)b", "("])("refuse %s, as RE2 does", (text) => {
    assert.throws(() => createMatcher("a", "=~", text), SyntaxError);
  });
});

suite("what a counter counted", () => {
  const increase = (samples: readonly (readonly [number, number])[], from: number, to: number) => {
    const store = newStore();
    const target = store.target({});
    for (const [time, value] of samples) target.take(`x ${value}\n`, time, {});
    const [series] = store.select([createMatcher("__name__", "=", "x")], ...always);
    return series?.increase(from, to);
  };

  test("is from the last sample before the time to the last one in it", () => {
    const samples = [
      [10_000, 5],
      [20_000, 9],
      [30_000, 12],
      [40_000, 20],
    ] as const;
    assert.deepEqual(increase(samples, 15_000, 35_000), { amount: 7, seconds: 20 });
  });

  test("goes on over a restart from 0", () => {
    const samples = [
      [10_000, 5],
      [20_000, 9],
      [30_000, 2],
      [40_000, 3],
    ] as const;
    assert.deepEqual(increase(samples, 10_000, 40_000), { amount: 7, seconds: 30 });
  });

  test("is spread over the whole time when the series began or ended in it", () => {
    assert.deepEqual(
      increase(
        [
          [50_000, 0],
          [60_000, 6],
        ],
        0,
        60_000,
      ),
      { amount: 6, seconds: 60 },
    );
    assert.deepEqual(
      increase(
        [
          [10_000, 0],
          [20_000, 6],
        ],
        10_000,
        70_000,
      ),
      { amount: 6, seconds: 60 },
    );
  });

  test("is nothing without samples in the time", () => {
    assert.equal(
      increase(
        [
          [10_000, 5],
          [20_000, 9],
        ],
        20_000,
        60_000,
      )?.amount,
      0,
    );
  });
});
