import assert from "node:assert/strict";

export const helloLine = /^Hello version: (v1|v2), instance: helloworld-\1-[a-z0-9]+-[a-z0-9]{5}$/;

/** How many answers each version gave. Every line must be a hello line. */
export function versions(lines: readonly string[]): { readonly v1: number; readonly v2: number } {
  for (const line of lines) assert.match(line, helloLine);
  const count = (version: string) =>
    lines.filter((line) => line.startsWith(`Hello version: ${version},`)).length;
  return { v1: count("v1"), v2: count("v2") };
}

/** Asserts that `part` of `whole` lies between two percentages. */
export function assertShare(
  part: number,
  whole: number,
  [low, high]: readonly [number, number],
  what: string,
): void {
  const share = (part / whole) * 100;
  assert.ok(
    share >= low && share <= high,
    `${what}: ${part} of ${whole} is ${share.toFixed(1)} %, wanted ${low} to ${high} %`,
  );
}

/** One row of an endpoints listing. */
export interface EndpointRow {
  readonly endpoint: string;
  readonly status: string;
  readonly outlier: string;
  readonly cluster: string;
}

/** Reads a listing in the form of `istioctl proxy-config endpoints`. */
export function endpointRows(listing: string): readonly EndpointRow[] {
  const [header = "", ...lines] = listing.trimEnd().split("\n");
  assert.match(header, /^ENDPOINT {2,}STATUS {2,}OUTLIER CHECK {2,}CLUSTER$/);
  return lines.map((line) => {
    const [endpoint = "", status = "", outlier = "", cluster = ""] = line.split(/ {2,}/);
    return { endpoint, status, outlier, cluster };
  });
}
