/** A number as Prometheus writes it: the shortest decimal digits that mean it, "+Inf", "-Inf" or "NaN". */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const text = Object.is(value, -0) ? "-0" : String(value);
  const [, sign = "", whole = "", fraction = "", exponent] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const places = Number(exponent);
  const digits = whole + fraction;
  return places < 0
    ? `${sign}0.${"0".repeat(-places - whole.length)}${digits}`
    : `${sign}${digits.padEnd(whole.length + places, "0")}`;
}
