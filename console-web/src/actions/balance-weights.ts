/** Weights after one of them was set: the others share what is left as they did before. All whole, 100 together. */
export function balanceWeights(
  weights: Readonly<Record<string, number>>,
  changed: string,
  value: number,
): Readonly<Record<string, number>> {
  const wanted = Math.max(0, Math.min(100, Math.round(value)));
  const others = Object.keys(weights).filter((name) => name !== changed);
  if (others.length === 0) return { [changed]: 100 };
  const before = others.reduce((sum, name) => sum + (weights[name] ?? 0), 0);
  const rest = 100 - wanted;
  const exact = others.map((name) =>
    before === 0 ? rest / others.length : ((weights[name] ?? 0) / before) * rest,
  );
  const whole = exact.map(Math.floor);
  let missing = rest - whole.reduce((sum, one) => sum + one, 0);
  // Those that lost most by rounding get back what is missing.
  const order = exact.map((one, i) => ({ i, lost: one - Math.floor(one) })).sort((a, b) => b.lost - a.lost);
  for (const { i } of order) {
    if (missing <= 0) break;
    whole[i] = (whole[i] ?? 0) + 1;
    missing--;
  }
  return Object.fromEntries(
    Object.keys(weights).map((name) => [
      name,
      name === changed ? wanted : (whole[others.indexOf(name)] ?? 0),
    ]),
  );
}
