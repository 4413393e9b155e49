/**
 * The status without those of the named counters that are 0: Kubernetes leaves these out of its JSON, and
 * scripts that read one by JSONPath see nothing rather than a 0.
 */
export function withoutZeros<T extends object, K extends keyof T>(
  status: T,
  counters: readonly K[],
): Omit<T, K> & Partial<Pick<T, K>> {
  const left = { ...status };
  for (const counter of counters) if (left[counter] === 0) delete left[counter];
  return left;
}
