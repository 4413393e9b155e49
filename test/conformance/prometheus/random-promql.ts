/** Numbers from 0 to 1 that are the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Random PromQL over the series of `oracleData`: what is generated is valid, but for an operation here and there. */
export function createExpressions(random: () => number): () => string {
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const chance = (part: number) => random() < part;
  const labels = ["instance", "code", "reporter", "job"];
  const some = () => labels.filter(() => chance(0.4)).join(", ");
  const duration = () => one(["30s", "1m", "90s", "5m", "10m", "1h"]);
  const number = () => one(["0", "1", "2", "0.5", "-3", "1e3", "100", "Inf", "NaN"]);

  const matcher = () =>
    one([
      'code="200"',
      'code=~"2..|5.."',
      'code!~"5.*"',
      'code!=""',
      'reporter="source"',
      'reporter=~"source|waypoint"',
      'instance!="a"',
      'instance=~".+"',
      'missing=""',
    ]);
  const selector = () => {
    const name = one([
      "requests_total",
      "requests_total",
      "temperature",
      "resets_total",
      "odd",
      "absent_metric",
    ]);
    return chance(0.5) ? `${name}{${matcher()}${chance(0.3) ? `, ${matcher()}` : ""}}` : name;
  };
  const shift = () =>
    chance(0.85)
      ? ""
      : one([" offset 1m", " offset -30s", " @ start()", " @ end()", " @ 1700001000 offset 10s"]);
  const range = (depth: number): string =>
    chance(0.8) || depth <= 0
      ? `${selector()}[${duration()}]${shift()}`
      : `(${vector(depth - 1)})[${one(["3m", "10m"])}:${one(["", "30s", "1m"])}]${shift()}`;
  const scalar = (depth: number): string =>
    depth > 0 && chance(0.2) ? one([`scalar(${vector(depth - 1)})`, "time()", "pi()"]) : number();

  const overTime = (depth: number) => {
    const name = one(
      [
        "rate increase delta irate idelta changes resets deriv avg_over_time sum_over_time count_over_time".split(
          " ",
        ),
        "min_over_time max_over_time last_over_time stddev_over_time stdvar_over_time present_over_time".split(
          " ",
        ),
      ].flat(),
    );
    // With @ Prometheus predicts from the first moment of the query, at every moment.
    if (chance(0.1)) return `predict_linear(${selector()}[${duration()}], 60)`;
    if (chance(0.1)) return `quantile_over_time(${one(["0.5", "0.9", "2", "-1"])}, ${range(depth)})`;
    if (chance(0.05)) return `holt_winters(${range(depth)}, 0.5, 0.3)`;
    return `${name}(${range(depth)})`;
  };
  const ofVector = (depth: number) => {
    const name = one(
      "abs ceil floor exp ln log2 log10 sqrt sgn round sort timestamp absent deg sin atan".split(" "),
    );
    // Of times alone: what Go makes of NaN as a time differs from processor to processor.
    if (chance(0.1))
      return `${one(["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"])}(timestamp(${selector()}) * ${one(["1", "0.7", "1.3"])})`;
    if (chance(0.1)) return `clamp(${vector(depth)}, ${number()}, ${number()})`;
    if (chance(0.1)) return `round(${vector(depth)}, 0.25)`;
    if (chance(0.1)) return `label_replace(${vector(depth)}, "kind", "$1x", "code", "(.).*")`;
    if (chance(0.1)) return `label_join(${vector(depth)}, "both", "-", "code", "instance")`;
    return `${name}(${vector(depth)})`;
  };
  const aggregation = (depth: number) => {
    const grouping = chance(0.2) ? "" : ` ${one(["by", "by", "without"])} (${some()})`;
    const name = one(["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"]);
    if (chance(0.1)) return `quantile${grouping} (${one(["0.3", "0.95"])}, ${vector(depth)})`;
    // Which of equal ones are chosen is nobody's promise.
    if (chance(0.1)) return `sum(topk(3, temperature))`;
    // Of whole numbers: labels must be the same to the last digit.
    if (chance(0.05)) return `count_values${grouping} ("v", ${selector()})`;
    return `${name}${grouping} (${vector(depth)})`;
  };
  const matching = () =>
    chance(0.5)
      ? ""
      : one([
          " on (instance, code)",
          " on (instance)",
          " ignoring (code)",
          " ignoring (reporter)",
          " on (instance) group_left",
          " on (instance) group_left (job)",
          " ignoring (code) group_right (code)",
        ]);
  const binary = (depth: number) => {
    const operator = one(["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="]);
    const bool = /[=<>]/.test(operator) && chance(0.4) ? " bool" : "";
    if (chance(0.2))
      return `${vector(depth)} ${one(["and", "or", "unless"])}${chance(0.5) ? " on (code)" : ""} ${vector(depth)}`;
    if (chance(0.4)) return `${vector(depth)} ${operator}${bool} ${scalar(depth)}`;
    if (chance(0.3)) return `${scalar(depth)} ${operator}${bool} ${vector(depth)}`;
    return `${vector(depth)} ${operator}${bool}${matching()} ${vector(depth)}`;
  };
  const quantiles = () =>
    `histogram_quantile(${one(["0.5", "0.9", "0.99", "0", "1"])}, ${one([
      "latency_bucket",
      "sum by (le) (rate(latency_bucket[5m]))",
      "sum by (le, instance) (increase(latency_bucket[10m]))",
      "rate(latency_bucket[2m])",
    ])})`;

  function vector(depth: number): string {
    if (depth <= 0) return `${selector()}${shift()}`;
    const kind = random();
    if (kind < 0.1) return `${selector()}${shift()}`;
    if (kind < 0.35) return overTime(depth - 1);
    if (kind < 0.5) return ofVector(depth - 1);
    if (kind < 0.75) return aggregation(depth - 1);
    if (kind < 0.82) return quantiles();
    if (kind < 0.85) return `-(${vector(depth - 1)})`;
    return `(${binary(depth - 1)})`;
  }
  return () => vector(3);
}
