import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { CircuitBreakers_ThresholdsSchema } from "../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import { allowsRetry, compileRetryBudget } from "./retry-budget.ts";

suite("how many retries may run at once", () => {
  const percent = (value: number) => ({ budgetPercent: { value } });

  test.each([
    ["as many as the plain limit, without a budget", undefined, 1000, 7],
    ["a share of the running requests", { ...percent(10), minRetryConcurrency: 1 }, 58, 5],
    ["the budget's least, when the share is less", { ...percent(10), minRetryConcurrency: 4 }, 20, 4],
    ["none, when the budget gives none", { ...percent(0), minRetryConcurrency: 0 }, 20, 0],
    ["a fifth, of a budget that says nothing", {}, 50, 10],
    ["3 at least, of a budget that says nothing", {}, 1, 3],
  ])("%s", (_title, retryBudget, requests, expected) => {
    const thresholds = create(CircuitBreakers_ThresholdsSchema, { ...(retryBudget && { retryBudget }) });
    const limits = { retries: 7, retryBudget: compileRetryBudget(thresholds) };
    let retries = 0;
    while (retries < 100 && allowsRetry(limits, { requests, retries })) retries++;
    assert.equal(retries, expected);
  });
});
