import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatMetricsPage } from "../../base/index.ts";
import { ExpositionError, readExposition, readSeries } from "./read-exposition.ts";

function samplesOf(page: string): [series: string, value: number, family: string | undefined][] {
  const samples: [string, number, string | undefined][] = [];
  readExposition(page, {
    sample: (series, value, family) =>
      samples.push([series, value, family && `${family.type} ${family.name}`]),
  });
  return samples;
}

suite("pages of metrics", () => {
  test("samples come with the metric that their TYPE line names, suffixes included", () => {
    const page = `# HELP requests How many.
# TYPE requests counter
requests{code="200"} 5
# a comment of its own

# TYPE latency histogram
latency_bucket{le="+Inf"} 3
latency_sum 1.5e2
latency_count 3 1700000000000
latency_total 4
up 1`;
    assert.deepEqual(samplesOf(page), [
      ['requests{code="200"}', 5, "counter requests"],
      ['latency_bucket{le="+Inf"}', 3, "histogram latency"],
      ["latency_sum", 150, "histogram latency"],
      ["latency_count", 3, "histogram latency"],
      ["latency_total", 4, undefined],
      ["up", 1, undefined],
    ]);
  });

  test("values may be NaN and infinite, lines may end in carriage returns", () => {
    assert.deepEqual(
      samplesOf("a NaN\r\nb +Inf\r\nc -Inf\r\nd 0x10\r\n").map(([, value]) => value),
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 16],
    );
  });

  test("labels are read with their escapes, braces inside of them included", () => {
    const [[series = ""] = []] = samplesOf(String.raw`x{ a="}\"\\\n" , b = "{", } 1`);
    assert.deepEqual(readSeries(series), { __name__: "x", a: '}"\\\n', b: "{" });
  });

  test.each([
    ["a sample without a name", "{} 1", /line 1: a sample begins with its name/],
    ["labels without an end", 'x{a="b" 1', /line 1: the labels do not end/],
    ["a value that is none", "\nx one", /line 2: "one" is no value/],
    ["no value at all", "x", /line 1: "" is no value/],
    ["something after the time", "x 1 2 3", /line 1: after the value comes a time/],
    ["a type that is none", "# TYPE x wheel", /line 1: "wheel" is no type/],
  ])("refuses %s, with the line", (_, page, message) => {
    assert.throws(() => samplesOf(page), { name: ExpositionError.name, message });
  });

  test.each(["x{a=b}", 'x{a="b" c="d"}', 'x{a="b",a="c"}', 'x{="b"}'])(
    "refuses the labels of %s",
    (series) => {
      assert.throws(() => readSeries(series), ExpositionError);
    },
  );

  test("what is written is read again", () => {
    const page = formatMetricsPage([
      {
        name: "x",
        help: "One\nand \\two.",
        type: "gauge",
        rows: [
          [{ a: 'b"\n\\' }, Number.NaN],
          [{}, 2],
        ],
      },
      { name: "nothing", help: "", type: "counter", rows: [] },
    ]);
    const found = readExposition(page, { sample: () => {} });
    assert.deepEqual([...found.values()], [{ name: "x", help: "One\nand \\two.", type: "gauge" }]);
    assert.deepEqual(
      samplesOf(page).map(([series, value]) => [readSeries(series), value]),
      [
        [{ __name__: "x", a: 'b"\n\\' }, Number.NaN],
        [{ __name__: "x" }, 2],
      ],
    );
  });
});
