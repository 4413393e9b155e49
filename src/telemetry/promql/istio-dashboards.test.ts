import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { createIstioMetrics, type Traffic, workloadOfNode } from "../../istio-metrics/index.ts";
import type { Choice } from "../dashboards/choose-values.ts";
import { substitute } from "../dashboards/substitute.ts";
import { createMetricStore } from "../store/metric-store.ts";
import { runRangeQuery } from "./run-query.ts";

const expressions = readFileSync(path.join(import.meta.dirname, "testdata/istio-dashboards.txt"), "utf8")
  .trimEnd()
  .split("\n");
const now = 1_700_000_000_000;

/** A variable of a dashboard that takes everything, or one value where expressions want one. */
const chosen = (name: string): Choice => ({
  variable: {
    name,
    label: name,
    kind: "query",
    isHidden: false,
    query: "",
    regex: "",
    options: [],
    current: [],
    isMultiple: name !== "service",
    allValue: name === "service" ? undefined : ".*",
  },
  options: [],
  chosen: [name === "service" ? "api.shop.svc.cluster.local" : "$__all"],
});

suite("the expressions of Istio's dashboards", () => {
  const store = createMetricStore({ retention: 3_600_000, maxSamples: 1000 });
  const metrics = createIstioMetrics();
  const place = (name: string) =>
    workloadOfNode({ WORKLOAD_NAME: name, NAMESPACE: "shop", LABELS: { app: name }, CLUSTER_ID: "east" });
  for (const reporter of ["source", "destination"] as const)
    for (const isMutualTls of [true, false]) {
      const traffic = (): Traffic => ({
        reporter,
        source: place("web"),
        destination: place("api"),
        sourcePrincipal: "spiffe://mesh/ns/shop/sa/web",
        destinationPrincipal: "spiffe://mesh/ns/shop/sa/api",
        service: { host: "api.shop.svc.cluster.local", name: "api", namespace: "shop" },
        request: { status: 200 },
        flags: "-",
        isMutualTls,
      });
      metrics.request(`${reporter} ${isMutualTls}`, traffic, { milliseconds: 3, received: 10, sent: 20 });
    }
  const target = store.target({ app: "istiod", namespace: "shop", pod: "web-1", cluster: "east" });
  for (let i = 0; i <= 20; i++) target.take(metrics.text(), now - 300_000 + i * 15_000, {});
  const names = new Set(
    expressions.flatMap((one) => [...one.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name ?? "")),
  );
  const choices = [...names].filter((name) => !name.startsWith("__")).map(chosen);
  const range = { from: now - 300_000, to: now };
  const evaluate = (expression: string) =>
    runRangeQuery(
      substitute(expression, choices, range),
      { start: range.from, end: now, step: 15_000 },
      store.select,
    );

  test("are all understood", () => {
    assert.ok(expressions.length > 200);
    for (const expression of expressions) assert.doesNotThrow(() => evaluate(expression), expression);
  });

  test("have values for requests where they ask for requests", () => {
    const ofRequests = expressions.filter(
      (one) => /istio_request/.test(one) && !/grpc|5\.\*|_seconds|tcp|principal!~/.test(one),
    );
    const empty = ofRequests.filter((one) => evaluate(one).length === 0);
    assert.ok(ofRequests.length > 50, `${ofRequests.length} are about requests`);
    assert.deepEqual(empty, []);
  });
});
