import { useEffect, useRef, useState } from "react";

export interface Series {
  readonly name: string;
  /** A colour of the style sheet: "var(--c1)". */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

const margin = { left: 38, right: 8, top: 8, bottom: 20 };

/** Values over time. The table beside a chart, or its title, says the latest; the pointer the others. */
export function Chart({
  label,
  series,
  start,
  step,
  height = 132,
  format,
}: {
  readonly label: string;
  readonly series: readonly Series[];
  /** Milliseconds since 1970 of the first value. */
  readonly start: number;
  /** Seconds between two values. */
  readonly step: number;
  readonly height?: number;
  readonly format: (value: number) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(460);
  const [at, setAt] = useState<number>();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const number = Math.max(...series.map(({ values }) => values.length), 2);
  const most = niceMaximum(Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)), 0));
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const x = (i: number) => margin.left + (i / (number - 1)) * inner.width;
  const y = (value: number) => margin.top + (1 - value / most) * inner.height;
  const time = (i: number) => new Date(start + i * step * 1000).toLocaleTimeString("en-GB");
  const latest = series.map(({ name, values }) => `${name} ${format(values.at(-1) ?? 0)}`).join(", ");
  return (
    <div ref={place} className="chart">
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={`${label}: ${latest} now`}
        onMouseMove={(event) => {
          const left = event.clientX - event.currentTarget.getBoundingClientRect().left - margin.left;
          setAt(Math.max(0, Math.min(number - 1, Math.round((left / inner.width) * (number - 1)))));
        }}
        onMouseLeave={() => setAt(undefined)}
      >
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <path d={`M${margin.left} ${y(most * part)}H${width - margin.right}`} stroke="var(--line)" />
            <text x={margin.left - 6} y={y(most * part) + 4} textAnchor="end">
              {format(most * part)}
            </text>
          </g>
        ))}
        {[0, Math.floor((number - 1) / 2), number - 1].map((i, place) => (
          <text key={i} x={x(i)} y={height - 4} textAnchor={(["start", "middle", "end"] as const)[place]}>
            {time(i).slice(0, step < 60 ? 8 : 5)}
          </text>
        ))}
        {series.map(({ name, colour, values }) => (
          <path
            key={name}
            d={lineOf(values, x, y)}
            fill="none"
            stroke={colour}
            strokeWidth="1.5"
            strokeLinejoin="round"
          />
        ))}
        {at === undefined ? null : (
          <path d={`M${x(at)} ${margin.top}V${height - margin.bottom}`} stroke="var(--line2)" />
        )}
      </svg>
      <p className="chart-legend tiny">
        {series.map(({ name, colour, values }) => (
          <span key={name} className="row tight">
            <i style={{ background: colour }} />
            {name} <b className="bold">{format((at === undefined ? values.at(-1) : values[at]) ?? 0)}</b>
          </span>
        ))}
        <span className="dimmer">{at === undefined ? "now" : time(at)}</span>
      </p>
    </div>
  );
}

/** A line that breaks where there is no value. */
function lineOf(
  values: readonly (number | null)[],
  x: (i: number) => number,
  y: (value: number) => number,
): string {
  let path = "";
  let isDown = false;
  for (const [i, value] of values.entries()) {
    if (value === null) {
      isDown = false;
      continue;
    }
    path += `${isDown ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
  }
  return path;
}

/** 1, 2 or 5 times a power of ten, not less than the value. */
function niceMaximum(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value * 1.05));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value * 1.05) ?? 10) * power;
}
