const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const form = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?$/;

/**
 * A Kubernetes quantity ("100m", "1.5", "128Mi", "1e3") in thousandths of its unit, rounded up, or undefined
 * when it is none. Thousandths because they add up exactly: milli-CPUs, and bytes × 1000 up to 8 TiB.
 */
export function quantityMillis(text: string | number): number | undefined {
  const match = form.exec(String(text));
  if (match === null) return undefined;
  const [, digits = "0", exponent = "", suffix = ""] = match;
  const millis = Number(`${digits}${exponent}`) * 1000 * (suffixes[suffix] ?? 1);
  // A product like 0.1 * 1000 may miss the whole number by a hair; that must not round up to the next.
  const nearest = Math.round(millis);
  return Math.abs(millis - nearest) < 1e-6 * Math.max(1, Math.abs(nearest) * 1e-6)
    ? nearest
    : Math.ceil(millis);
}
