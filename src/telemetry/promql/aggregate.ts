import { type Labels, nameLabel } from "../store/labels.ts";
import { type Aggregation, PromqlError } from "./expression.ts";
import { formatNumber } from "./format-number.ts";
import { byValue, quantileOf } from "./quantile.ts";
import { extreme, mean, sum, variance } from "./range-functions.ts";
import { keyOf, type Sample, type Vector } from "./values.ts";

interface Group {
  readonly labels: Labels;
  readonly samples: Sample[];
}

const reductions: Readonly<Record<string, (values: readonly number[], parameter: number) => number>> = {
  sum,
  avg: mean,
  count: (values) => values.length,
  group: () => 1,
  min: (values) => extreme(values, (a, b) => a < b),
  max: (values) => extreme(values, (a, b) => a > b),
  stdvar: spread,
  stddev: (values) => Math.sqrt(spread(values)),
  quantile: (values, q) => quantileOf(q, [...values].sort(byValue)),
};

/** Groups the vector's samples and gives each group's value. `memo` keeps the groups of labels between two calls. */
export function aggregate(
  { operator, grouping }: Aggregation,
  vector: Vector,
  parameter: number | string | undefined,
  memo: Map<Labels, Labels>,
): Vector {
  const isCountingValues = operator === "count_values";
  const groups = new Map<string, Group>();
  for (const sample of vector) {
    let labels = memo.get(sample.labels);
    if (labels === undefined) {
      labels = groupLabels(sample.labels, grouping);
      memo.set(sample.labels, labels);
    }
    if (isCountingValues) labels = { ...labels, [valueLabel(parameter)]: formatNumber(sample.value) };
    const key = keyOf(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, samples: [sample] });
    else group.samples.push(sample);
  }
  const all = [...groups.values()];
  if (operator === "topk" || operator === "bottomk") {
    const count = Number(parameter);
    if (!(count >= 1)) return [];
    return all.flatMap(({ samples }) => best(samples, Math.trunc(count), operator === "topk"));
  }
  const reduce = reductions[isCountingValues ? "count" : operator];
  if (reduce === undefined) throw new PromqlError(`unknown aggregation ${operator}`);
  return all.map(({ labels, samples }) => ({
    labels,
    value: reduce(
      samples.map(({ value }) => value),
      Number(parameter),
    ),
  }));
}

/** As Prometheus begins with the first sample: that of one alone is 0, whatever its value. */
function spread(values: readonly number[]): number {
  return values.length === 1 ? 0 : variance(values, values[0]);
}

function groupLabels(labels: Labels, { without, labels: names }: Aggregation["grouping"]): Labels {
  const group: Record<string, string> = {};
  if (without) {
    for (const [name, value] of Object.entries(labels))
      if (name !== nameLabel && !names.includes(name)) group[name] = value;
  } else {
    for (const name of names) {
      const value = labels[name];
      if (value !== undefined && value !== "") group[name] = value;
    }
  }
  return group;
}

function valueLabel(parameter: number | string | undefined): string {
  const name = String(parameter);
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
    throw new PromqlError(`invalid label name ${JSON.stringify(name)}`);
  return name;
}

/** The `count` largest or smallest samples, NaN only for want of others. */
function best(samples: readonly Sample[], count: number, largest: boolean): Sample[] {
  return [...samples]
    .sort((a, b) => {
      if (Number.isNaN(a.value) || Number.isNaN(b.value))
        return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      return largest ? b.value - a.value : a.value - b.value;
    })
    .slice(0, count);
}
