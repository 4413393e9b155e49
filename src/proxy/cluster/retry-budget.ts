import type { CircuitBreakers_Thresholds } from "../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js";

/** Retries may be a share of the requests that run. */
export interface RetryBudget {
  readonly percent: number;
  /** So many may run however few requests do. */
  readonly atLeast: number;
}

/** Reads a retry budget, with Envoy's defaults. The interval it may have is not looked at. */
export function compileRetryBudget(
  thresholds: CircuitBreakers_Thresholds | undefined,
): RetryBudget | undefined {
  const budget = thresholds?.retryBudget;
  if (budget === undefined) return undefined;
  return { percent: budget.budgetPercent?.value ?? 20, atLeast: budget.minRetryConcurrency ?? 3 };
}

/** Whether one more retry may start beside what runs now. A budget replaces the plain limit. */
export function allowsRetry(
  limits: { readonly retries: number; readonly retryBudget: RetryBudget | undefined },
  running: { readonly requests: number; readonly retries: number },
): boolean {
  const { retryBudget: budget } = limits;
  if (budget === undefined) return running.retries < limits.retries;
  return running.retries < Math.max(budget.atLeast, Math.floor((running.requests * budget.percent) / 100));
}
