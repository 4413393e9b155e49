import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatLabelSelector, parseFieldSelector, parseLabelSelector } from "./selectors.ts";

suite("parseLabelSelector()", () => {
  const labels = { app: "web", env: "prod", weight: "7", "example.com/team": "a" };
  const cases: readonly [text: string, selected: boolean][] = [
    ["", true],
    ["app=web", true],
    ["app==web,env!=dev", true],
    ["app = web , env in (dev, prod)", true],
    ["env notin (prod)", false],
    ["missing notin (prod)", true],
    ["missing!=x", true],
    ["app", true],
    ["!app", false],
    ["!missing", true],
    ["weight>6,weight<8", true],
    ["weight>7", false],
    ["app>1", false],
    ["example.com/team=a", true],
    ["env in (,prod)", true],
    ["app=", false],
    ["constructor", false],
  ];
  for (const [text, selected] of cases) {
    test(`"${text}" ${selected ? "selects" : "does not select"}`, () =>
      assert.equal(parseLabelSelector(text).matches(labels), selected));
  }

  const wrong: readonly [text: string, message: RegExp][] = [
    ["app in web", /: unable to parse requirement: found 'web', expected: '\('$/],
    ["app,", /: unable to parse requirement: found '', expected: identifier after ','$/],
    ["=web", /: unable to parse requirement: found '=', expected: !, identifier, or 'end of string'$/],
    ["app web", /: unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt$/],
    ["-app=web", /Invalid value: "-app": name part must consist of/],
    ["app=we:b", /values\[0\]\[app\]: Invalid value: "we:b": a valid label must be/],
    ["app in (a", /expected: ',', or identifier$/],
  ];
  for (const [text, message] of wrong) {
    test(`"${text}" is refused in Kubernetes' words`, () =>
      assert.throws(() => parseLabelSelector(text), message));
  }
});

suite("parseFieldSelector()", () => {
  test("reads comparisons and escapes", () =>
    assert.deepEqual(parseFieldSelector("metadata.name=a,status.phase!=Running,spec.x==b\\,c"), [
      { path: "metadata.name", op: "=", value: "a" },
      { path: "status.phase", op: "!=", value: "Running" },
      { path: "spec.x", op: "=", value: "b,c" },
    ]));
  test("nothing selects everything", () => assert.deepEqual(parseFieldSelector(""), []));
  test("refuses what is no comparison", () =>
    assert.throws(
      () => parseFieldSelector("metadata.name"),
      /^SelectorError: invalid selector: 'metadata.name'; can't understand 'metadata.name'$/,
    ));
});

suite("formatLabelSelector()", () => {
  const cases = [
    { selector: {}, text: "<none>" },
    { selector: undefined, text: "<none>" },
    { selector: { matchLabels: { b: "2", a: "1" } }, text: "a=1,b=2" },
    {
      selector: {
        matchLabels: { app: "x" },
        matchExpressions: [
          { key: "env", operator: "In", values: ["b", "a"] },
          { key: "old", operator: "DoesNotExist" },
        ],
      },
      text: "app=x,env in (a,b),!old",
    },
  ] as const;
  for (const { selector, text } of cases) test(text, () => assert.equal(formatLabelSelector(selector), text));
});
