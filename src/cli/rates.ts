import type { Paint } from "./terminal.ts";

/** Requests a second, with as many digits as say something. */
export function rateText(perSecond: number): string {
  return perSecond >= 100
    ? perSecond.toFixed(0)
    : perSecond >= 10
      ? perSecond.toFixed(1)
      : perSecond.toFixed(2);
}

/** The part of the requests that failed, in per cent; "–" without requests. */
export function errorShare(
  rates: { readonly requestsPerSecond: number; readonly failedPerSecond: number },
  paint: Paint,
): string {
  if (rates.requestsPerSecond === 0) return "–";
  const part = (rates.failedPerSecond / rates.requestsPerSecond) * 100;
  const text = `${part === 0 || part >= 10 ? part.toFixed(0) : part.toFixed(1)} %`;
  return part === 0 ? text : part < 5 ? paint.warn(text) : paint.bad(text);
}

/** "1.2 / 4.5 / 12", in milliseconds; "–" without requests. */
export function latencyText(
  latency: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined,
): string {
  if (latency === undefined) return "–";
  return [latency.p50, latency.p95, latency.p99]
    .map((value) => value.toFixed(value < 10 ? 1 : 0))
    .join(" / ");
}

/** "812 B/s", "1.2 MB/s". */
export function byteRateText(perSecond: number): string {
  return `${bytesText(perSecond)}/s`;
}

/** "812 B", "1.2 MB". */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
