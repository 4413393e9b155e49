import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { CellState, TrafficChange } from "../../traffic/index.ts";
import { processTerminal } from "../terminal.ts";
import { trafficLines } from "./traffic-lines.ts";

const state = (shares: Readonly<Record<string, number>>, over: Partial<CellState> = {}): CellState => ({
  shares: Object.entries(shares).map(([name, percent]) => {
    const [group = "", cluster = "", path = "direct"] = name.split("@");
    return { group, cluster, percent, path: path === "gateway" ? "gateway" : "direct" };
  }),
  mtls: "all",
  access: "all",
  reasons: [],
  handling: {},
  ...over,
});
const change = (over: Partial<TrafficChange>): TrafficChange => ({
  cluster: "fra",
  callers: ["curl"],
  isGateway: false,
  service: "web.shop",
  ports: [80],
  match: "",
  before: state({ "v1@fra": 50, "v2@ash": 50 }),
  after: state({ "v1@fra": 50, "v2@ash": 50 }),
  effects: [],
  ...over,
});

const { paint } = processTerminal();
const lines = (...changes: readonly TrafficChange[]) =>
  trafficLines({ changes, untold: [] }, paint)
    .slice(1)
    .map((line) => line.trim().replace(/ {2,}/g, " | "));
const [nothing, same] = ["nothing loses mTLS, nothing gains or loses access", "nothing loses mTLS"];

suite("the lines of what callers will notice", () => {
  test.each([
    [
      { after: state({ "v1@fra": 90, "v2@ash": 10 }) },
      "curl → web.shop (from fra) | v1 50 % → 90 % | v2 50 % → 10 %",
      nothing,
    ],
    [
      {
        before: state({ "v1@fra": 100 }, { handling: { retries: "2", delay: "5s for 10 %" } }),
        after: state({ "v1@fra": 100 }, { handling: { retries: "2", "time-out": "3s" } }),
      },
      "curl → web.shop (from fra) | delay 5s for 10 % → none | time-out none → 3s",
      nothing,
    ],
    [
      { match: "/api*", after: state({ "v1@fra": 50, "v3@fra": 50 }) },
      "curl → web.shop /api* (from fra) | v1 50 % | v2 50 % → 0 % | v3 0 % → 50 %",
      nothing,
    ],
    [
      { before: state({ "web@fra": 100 }), after: state({ "web@fra": 50, "web@ash": 50 }) },
      "curl → web.shop (from fra) | web in fra 100 % → 50 % | web in ash 0 % → 50 %",
      nothing,
    ],
    [
      { before: state({ "v1@ash@gateway": 100 }), after: state({ "v1@ash": 100 }) },
      "curl → web.shop (from fra) | v1 by gateway 100 % → 0 % | v1 directly 0 % → 100 %",
      nothing,
    ],
    [
      { effects: ["loses mTLS"] as const, after: state({ "v1@fra": 50, "v2@ash": 50 }, { mtls: "none" }) },
      "curl → web.shop (from fra) | loses mTLS",
      "1 loses mTLS, nothing gains or loses access",
    ],
    [
      {
        effects: ["loses access"] as const,
        after: state({ "v1@fra": 50, "v2@ash": 50 }, { access: "none", reasons: ["denied by x"] }),
      },
      "curl → web.shop (from fra) | loses access | denied by x",
      `1 loses access, ${same}`,
    ],
    [
      { callers: ["a", "b", "c", "d", "e"], isGateway: false, after: state({ "v1@fra": 100 }) },
      "a, b, c and 2 more → web.shop (from fra) | v1 50 % → 100 % | v2 50 % → 0 %",
      nothing,
    ],
    [
      { isGateway: true, callers: ["ingress"], after: state({ "v1@fra": 100 }) },
      "outside → web.shop (by ingress in fra) | v1 50 % → 100 % | v2 50 % → 0 %",
      nothing,
    ],
  ])("%j", (over, line, verdict) => {
    assert.deepEqual(lines(change(over)), [line, verdict]);
  });

  test("of many clusters, versions are told together, and of many versions the first", () => {
    const over = (names: readonly string[], percent: number) =>
      Object.fromEntries(names.map((name) => [name, percent]));
    const clusters = ["a", "b", "c"];
    const [ones, twos] = [clusters.map((name) => `v1@${name}`), clusters.map((name) => `v2@${name}`)];
    const moved = change({
      before: state({ ...over(ones, 16.67), ...over(twos, 16.67) }),
      after: state({ ...over(ones, 30), ...over(twos, 3.33) }),
    });
    const many = change({
      before: state(over(["a", "b", "c", "d", "e", "f"], 16.67)),
      after: state({ a: 100 }),
    });
    assert.deepEqual(lines(moved, many).slice(0, 2), [
      "curl → web.shop (from fra) | v1 50 % → 90 % | v2 50 % → 10 %",
      "curl → web.shop (from fra) | a 17 % → 100 % | b 17 % → 0 % | c 17 % → 0 % | d 17 % → 0 % | and 2 more",
    ]);
  });

  test("what is new has no before, and a name that goes has no after", () => {
    const { before: _, ...fresh } = change({ effects: ["gains access"] });
    const { after: __, ...gone } = change({ effects: ["loses access"] });
    assert.deepEqual(lines(fresh, gone), [
      "curl → web.shop (from fra) | new | v1 50 % | v2 50 %",
      "curl → web.shop (from fra) | loses access | the name is gone",
      `1 loses access, ${same}`,
    ]);
  });

  test("of very many the first are shown, and what can't be told is said", () => {
    const many = Array.from({ length: 50 }, (_, i) =>
      change({ service: `s${i}.shop`, effects: ["gains mTLS"] }),
    );
    const text = trafficLines({ changes: many, untold: ["what concerns ash: it can't be asked"] }, paint);
    assert.equal(text.filter((line) => line.includes(" → ")).length, 40);
    assert.deepEqual(text.slice(-3), [
      "  and 10 more (-o json lists all)",
      "  50 gain mTLS, nothing loses mTLS, nothing gains or loses access",
      "  ! not told: what concerns ash: it can't be asked",
    ]);
  });
});
