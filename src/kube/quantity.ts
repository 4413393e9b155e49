/**
 * An exact Kubernetes quantity: `unscaled` · 10^-`scale`. `format` is how it was written and how Kubernetes
 * would write it back. Plain data; equal quantities can differ in form, so compare with compareQuantities.
 */
export interface Quantity {
  readonly unscaled: bigint;
  /** Number of decimal digits behind the point; 0 to 9 after rounding up as Kubernetes does. */
  readonly scale: number;
  readonly format: "BinarySI" | "DecimalSI" | "DecimalExponent";
}

const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binarySuffixes: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const shape = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d+)|([a-zA-Z]*))$/;

/** The message Kubernetes gives for a text that is no quantity. */
export const quantityFormatMessage =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Longest text taken; far more digits than a 64-bit value has, and short enough to stay cheap. */
const longest = 64;
const largestExponent = 30;

/** Reads "100m", "1.5Gi", "2e3", 4. Undefined when the text is no quantity. */
export function parseQuantity(input: string | number): Quantity | undefined {
  const text = String(input);
  if (text.length > longest) return undefined;
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent, suffix = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const digits = BigInt(`${whole}${fraction}`) * (sign === "-" ? -1n : 1n);
  if (exponent !== undefined) {
    const power = Number(exponent.slice(1));
    if (Math.abs(power) > largestExponent) return undefined;
    return normalize(digits, fraction.length - power, "DecimalExponent");
  }
  const factor = binarySuffixes[suffix];
  if (factor !== undefined) return normalize(digits * factor, fraction.length, "BinarySI");
  const power = decimalSuffixes[suffix];
  return power === undefined ? undefined : normalize(digits, fraction.length - power, "DecimalSI");
}

/** The canonical text, as Kubernetes writes it: no fraction, the largest suffix that keeps it whole. */
export function formatQuantity({ unscaled, scale, format }: Quantity): string {
  if (unscaled === 0n) return "0";
  if (format === "BinarySI" && scale === 0 && magnitude(unscaled) >= 1024n) {
    let value = unscaled;
    let suffix = "";
    for (const next of Object.keys(binarySuffixes)) {
      if (value % 1024n !== 0n) break;
      value /= 1024n;
      suffix = next;
    }
    return `${value}${suffix}`;
  }
  let digits = unscaled;
  let power = -scale;
  while (digits % 10n === 0n && power < 18) {
    digits /= 10n;
    power++;
  }
  while (power % 3 !== 0) {
    digits *= 10n;
    power--;
  }
  if (format === "DecimalExponent") return power === 0 ? String(digits) : `${digits}e${power}`;
  const suffix = Object.entries(decimalSuffixes).find(([, exponent]) => exponent === power)?.[0] ?? "";
  return `${digits}${suffix}`;
}

/** Negative, zero or positive: a below, equal to, above b. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = atScale(a, scale) - atScale(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The exact sum, in the form of `a` unless that is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const scale = Math.max(a.scale, b.scale);
  return normalize(atScale(a, scale) + atScale(b, scale), scale, a.unscaled === 0n ? b.format : a.format);
}

/** The exact difference a - b, in the form of `a` unless that is zero. */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return addQuantities(a, { ...b, unscaled: -b.unscaled });
}

/** The value in whole units, rounded up (Quantity.Value). */
export function quantityValue(quantity: Quantity): number {
  return Number(ceilDivide(quantity.unscaled, 10n ** BigInt(quantity.scale)));
}

/** The value in thousandths, rounded up (Quantity.MilliValue): millicores of a CPU quantity. */
export function quantityMilliValue({ unscaled, scale }: Quantity): number {
  return scale <= 3
    ? Number(unscaled * 10n ** BigInt(3 - scale))
    : Number(ceilDivide(unscaled, 10n ** BigInt(scale - 3)));
}

/**
 * A quantity's text ("100m", "1.5", "128Mi", "1e3") in thousandths of its unit, rounded up, or undefined when
 * it is none. Thousandths because they add up exactly: milli-CPUs, and bytes × 1000 up to 8 TiB.
 */
export function quantityMillis(text: string | number): number | undefined {
  const quantity = parseQuantity(text);
  return quantity === undefined ? undefined : quantityMilliValue(quantity);
}

/** Brings the scale into 0..9; what is smaller than a nano is rounded away from zero, as Kubernetes does. */
function normalize(unscaled: bigint, scale: number, format: Quantity["format"]): Quantity {
  if (scale < 0) return { unscaled: unscaled * 10n ** BigInt(-scale), scale: 0, format };
  let [value, digits] = [unscaled, scale];
  if (digits > 9) {
    const divisor = 10n ** BigInt(digits - 9);
    value = value < 0n ? -ceilDivide(-value, divisor) : ceilDivide(value, divisor);
    digits = 9;
  }
  while (digits > 0 && value % 10n === 0n) {
    value /= 10n;
    digits--;
  }
  return { unscaled: value, scale: digits, format };
}

function atScale({ unscaled, scale }: Quantity, wanted: number): bigint {
  return unscaled * 10n ** BigInt(wanted - scale);
}

function ceilDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value > 0n && value % divisor !== 0n ? quotient + 1n : quotient;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
