import assert from "node:assert/strict";
import type { Case, ExpectedAnswer, HttpStep, RawStep, TcpStep } from "./case.ts";
import { isAsking, type Observed, type ObservedAnswer } from "./run-case.ts";

/** Throws when what was observed is not what the case's author wrote. */
export function checkExpected(row: Case, observed: readonly Observed[]): void {
  const steps = row.steps.filter(isAsking);
  for (const [index, step] of steps.entries()) {
    const seen = observed[index];
    const where = `step ${index + 1}`;
    assert.ok(seen !== undefined, `${where} did not run`);
    if ("tcp" in step) checkTcp(step, seen, where);
    else if ("send" in step) checkRaw(step, seen, where);
    else checkHttp(step, seen, where);
  }
}

function checkTcp({ answer }: TcpStep, seen: Observed, where: string): void {
  matches(seen.answers[0]?.body ?? "", answer.text, `${where}: text`);
  checkLog({ ...answer.log, ...(answer.flags === undefined ? {} : { flags: answer.flags }) }, seen, where);
}

function checkRaw(step: RawStep, seen: Observed, where: string): void {
  const expected = step.answers ?? [];
  assert.deepEqual(
    seen.answers.map(({ status }) => status),
    expected.map(({ status }) => status),
    `${where}: statuses`,
  );
  if (step.closes !== undefined) assert.equal(seen.closed, step.closes, `${where}: the connection's end`);
  for (const [index, answer] of expected.entries()) {
    const got = seen.answers[index];
    if (got !== undefined) checkAnswer(answer, got, `${where}, answer ${index + 1}`);
  }
  const last = expected.at(-1);
  if (last !== undefined && expected.length === 1) checkArrivals(last, seen, where);
  for (const [index, answer] of expected.entries()) {
    const line = seen.log[index];
    if (step.logs === undefined || answer.flags !== undefined || answer.log !== undefined)
      checkLine(expectedLog(answer), line, where);
  }
}

function checkHttp(step: HttpStep, seen: Observed, where: string): void {
  const { answer } = step;
  for (const [index, got] of seen.answers.entries())
    checkAnswer(answer, got, `${where}, answer ${index + 1}`);
  checkArrivals(answer, seen, where);
  if (answer.took !== undefined) {
    const [least, most] = answer.took;
    assert.ok(seen.took >= least && seen.took <= most, `${where}: took ${Math.round(seen.took)} ms`);
  }
  if (step.logs === 0) assert.deepEqual(seen.log, [], `${where}: logged`);
  else checkLog(expectedLog(answer), seen, where);
}

function expectedLog(answer: ExpectedAnswer): Readonly<Record<string, unknown>> {
  return { flags: answer.flags ?? "-", ...answer.log };
}

function checkAnswer(expected: ExpectedAnswer, got: ObservedAnswer, where: string): void {
  const statuses = [expected.status].flat();
  assert.ok(
    statuses.includes(got.status),
    `${where}: status ${got.status} ${JSON.stringify(got.body)}, want ${statuses.join(" or ")}`,
  );
  if (expected.body !== undefined) matches(got.body, expected.body, `${where}: body`);
  if (expected.interim !== undefined) assert.deepEqual(got.interim, expected.interim, `${where}: interim`);
  checkFields(expected.headers, got.headers, `${where}: header`);
  checkFields(expected.trailers, got.trailers, `${where}: trailer`);
}

function checkFields(
  expected: Readonly<Record<string, string | RegExp | null>> | undefined,
  got: readonly (readonly [string, string])[],
  where: string,
): void {
  for (const [name, value] of Object.entries(expected ?? {})) {
    const values = got.flatMap(([key, text]) => (key === name ? [text] : []));
    if (value === null) assert.deepEqual(values, [], `${where} ${name}`);
    else matches(values.join(","), value, `${where} ${name}`);
  }
}

function checkArrivals(expected: ExpectedAnswer, seen: Observed, where: string): void {
  const { app, also, seen: wanted } = expected;
  const told = () => seen.arrivals.map((one) => `${one.app} ${one.method} ${one.host}${one.path}`).join(", ");
  if (typeof app === "object") {
    for (const name of new Set([...Object.keys(app), ...seen.arrivals.map((one) => one.app)])) {
      const count = seen.arrivals.filter((one) => one.app === name).length;
      const range = app[name as keyof typeof app] ?? 0;
      const [least, most] = typeof range === "number" ? [range, range] : range;
      assert.ok(count >= least && count <= most, `${where}: ${name} got ${count} of ${told()}`);
    }
    return;
  }
  const lines = seen.arrivals.map((one) => `${one.app} ${one.method} ${one.host}${one.path}`);
  const main = seen.arrivals.at(also === undefined ? -1 : 0);
  if (app === "") assert.deepEqual(lines, also ?? [], `${where}: apps were asked`);
  else if (app !== undefined && also === undefined)
    assert.deepEqual([...new Set(seen.arrivals.map((one) => one.app))], [app], `${where}: ${told()}`);
  if (also !== undefined && app !== "") {
    const rest = [...lines];
    const own = rest.findIndex((line) => line.startsWith(`${app} `));
    if (own >= 0) rest.splice(own, 1);
    assert.deepEqual(rest.sort(), [...also].sort(), `${where}: also asked`);
  }
  if (wanted === undefined) return;
  const arrival = seen.arrivals.find((one) => one.app === app) ?? main;
  assert.ok(arrival !== undefined, `${where}: no app was asked`);
  if (wanted.method !== undefined) assert.equal(arrival.method, wanted.method, `${where}: method`);
  if (wanted.path !== undefined) assert.equal(arrival.path, wanted.path, `${where}: path`);
  if (wanted.host !== undefined) assert.equal(arrival.host, wanted.host, `${where}: host`);
  if (wanted.body !== undefined) assert.equal(arrival.body, wanted.body, `${where}: body`);
  checkFields(wanted.headers, arrival.headers, `${where}: request header`);
}

function checkLog(expected: Readonly<Record<string, unknown>>, seen: Observed, where: string): void {
  for (const line of seen.log) checkLine(expected, line, where);
  if (seen.log.length === 0 && Object.keys(expected).length > 0) assert.fail(`${where}: nothing was logged`);
}

function checkLine(
  expected: Readonly<Record<string, unknown>>,
  line: Readonly<Record<string, unknown>> | undefined,
  where: string,
): void {
  assert.ok(line !== undefined, `${where}: nothing was logged`);
  for (const [name, value] of Object.entries(expected)) {
    // JSON formats leave empty values as null, text formats as "-".
    const got: unknown = line[name] ?? "-";
    if (value instanceof RegExp) matches(String(got), value, `${where}: logged ${name}`);
    else assert.equal(got, value, `${where}: logged ${name} of ${JSON.stringify(line)}`);
  }
}

function matches(got: string, expected: string | RegExp, where: string): void {
  if (typeof expected === "string") assert.equal(got, expected, where);
  else assert.match(got, expected, where);
}

/** What must be equal on two proxies, beyond what the author wrote. */
export function comparable(row: Case, observed: readonly Observed[]): unknown {
  const steps = row.steps.filter(isAsking);
  return observed.map(({ took: _, arrivals: all, ...rest }, index) => {
    const expected = steps[index];
    const arrivals = all.map((one) => ({ ...one, headers: one.headers.filter(isNoIntroduction) }));
    const step = { ...rest, arrivals };
    const many = expected !== undefined && "ask" in expected && isByChance(expected);
    // Where nothing is said about its end, the client may have been the first to leave.
    if (!many) return { ...step, closed: expected !== undefined && "closes" in expected && step.closed };
    // Of many requests it is chance which goes where: what each kind looks like must be the same.
    return {
      answers: distinct(step.answers),
      arrivals: distinct(
        step.arrivals.map(({ headers, ...one }) => ({ ...one, headers: headers.filter(isKept) })),
      ),
      log: distinct(step.log.map(({ attempts: _, ...line }) => line)),
    };
  });
}

/** Whether it is by chance or a matter of time what goes where. */
function isByChance({ times, answer }: HttpStep): boolean {
  const counts = typeof answer.app === "object" ? Object.values(answer.app) : [];
  return (times ?? 1) > 1 || counts.some((count) => typeof count !== "number");
}

/**
 * A proxy says to its peers who it is. Istio's own filters have the built-in proxy do so, which are not in the table's
 * configuration; a real Envoy lacks them, so that its agent adds it always.
 */
const isNoIntroduction = ([name]: readonly [string, string]) => !name.startsWith("x-envoy-peer-metadata");

/** At which try an app is asked is by chance, too. */
const isKept = ([name]: readonly [string, string]) => name !== "x-envoy-attempt-count";

function distinct(items: readonly unknown[]): string[] {
  return [...new Set(items.map((item) => JSON.stringify(item)))].sort();
}
