/**
 * A count given as a number or as a percentage of `total` ("25%"), rounded as asked. Undefined when it is
 * neither, which the API server's validation normally prevents.
 */
export function intOrPercent(
  value: number | string,
  total: number,
  rounding: "up" | "down",
): number | undefined {
  if (typeof value === "number") return value;
  const match = /^(\d+)%$/.exec(value);
  if (match === null) return undefined;
  const exact = (Number(match[1]) * total) / 100;
  return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);
}
