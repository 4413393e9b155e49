type Plain = Readonly<Record<string, unknown>>;

/** `over` laid on `base`: maps deeply, everything else replaced. Neither is changed. */
export function deepMerge(base: Plain, over: Plain): Plain {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const present = Object.hasOwn(base, name) ? base[name] : undefined;
    const deeper = isPlain(present) && isPlain(value) ? deepMerge(present, value) : value;
    Object.defineProperty(merged, name, {
      value: deeper,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return merged;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
