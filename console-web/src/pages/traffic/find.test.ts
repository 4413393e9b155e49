import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { TrafficEdge, TrafficNode } from "../../../../src/console/api.ts";
import { formatDisplay, parseDisplay } from "./display.ts";
import { parseExpression } from "./find.ts";

const node: TrafficNode = {
  id: "n",
  kind: "app",
  cluster: "fra",
  namespace: "shop",
  name: "reviews",
  app: "reviews",
  version: "v2",
};
const edge: TrafficEdge = {
  from: "a",
  to: "b",
  protocol: "http",
  requestsPerSecond: 10,
  failedPerSecond: 0.5,
  share: 1,
  latencyMs: { p50: 1, p95: 120, p99: 300, average: 2 },
  bytesPerSecond: { sent: 0, received: 0 },
  mutualTls: 1,
  codes: {},
  flags: {},
  crossesNetwork: false,
};

suite("find and hide expressions", () => {
  const ofNodes: readonly [text: string, matches: boolean][] = [
    ["rev", true],
    ["REV", true],
    ["ratings", false],
    ["ns:shop", true],
    ["ns:shop cluster:ash", false],
    ["version:v2 reviews", true],
    ["!version:v1", true],
    ["!reviews", false],
    ["kind:service", false],
    ["failing", false],
  ];
  for (const [text, matches] of ofNodes)
    test(`"${text}" ${matches ? "finds" : "does not find"} version v2 of reviews in fra`, () =>
      assert.equal(parseExpression(text)?.matchesNode(node), matches));

  const ofEdges: readonly [text: string, matches: boolean][] = [
    ["failing", true],
    ["!failing", false],
    ["idle", false],
    ["plain", false],
    ["p95>100", true],
    ["p95>100 rps<5", false],
    ["failed>4", true],
    ["failed>6", false],
    ["reviews", false],
  ];
  for (const [text, matches] of ofEdges)
    test(`"${text}" ${matches ? "finds" : "does not find"} an edge of 10 rps with 5 % failed and a p95 of 120 ms`, () =>
      assert.equal(parseExpression(text)?.matchesEdge(edge), matches));

  test("no words are no expression", () => assert.equal(parseExpression("  "), undefined));
});

suite("what is drawn, in the address", () => {
  test("the usual choices are not written down", () =>
    assert.equal(formatDisplay(parseDisplay(undefined)), undefined));

  test("other choices come back as they were", () => {
    const shows = new Set(["time", "clusters"] as const);
    assert.deepEqual(parseDisplay(formatDisplay(shows)), shows);
  });

  test("nothing at all can be chosen, and unknown words are left out", () => {
    assert.equal(parseDisplay(formatDisplay(new Set())).size, 0);
    assert.deepEqual([...parseDisplay("rate,nonsense")], ["rate"]);
  });
});
