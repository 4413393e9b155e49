/** A small line over time. The numbers stand beside it, so it is nothing but a picture. */
export function Sparkline({
  values,
  width,
  height,
  hue,
}: {
  readonly values: readonly number[];
  readonly width: number;
  readonly height: number;
  /** A cluster's; neutral without. */
  readonly hue?: number;
}) {
  const colour = hue === undefined ? "var(--ink3)" : `var(--c${hue})`;
  const most = Math.max(...values, 0);
  if (values.length < 2 || most === 0)
    return (
      <svg width={width} height={height} aria-hidden="true" style={{ display: "block" }}>
        <path
          d={`M0 ${height - 1}H${width}`}
          stroke="var(--line2)"
          strokeDasharray="1 5"
          strokeLinecap="round"
        />
      </svg>
    );
  const step = width / (values.length - 1);
  // A line at its highest keeps off the edge, and a steady one is not at the top.
  const top = most * 1.25;
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)} ${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`,
  );
  const line = `M${points.join("L")}`;
  return (
    <svg width={width} height={height} aria-hidden="true" style={{ display: "block" }}>
      <path d={`${line}L${width} ${height}L0 ${height}z`} fill={colour} opacity="0.1" />
      <path d={line} fill="none" stroke={colour} strokeWidth="1.25" strokeLinejoin="round" />
    </svg>
  );
}
