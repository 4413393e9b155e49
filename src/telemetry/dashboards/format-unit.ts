/** A value in a unit of Grafana's, for people. Units that are not known are left out. */
export function formatUnit(value: number, unit: string): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  switch (unit) {
    case "ms":
      return Math.abs(value) >= 1000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`;
    case "s":
      return Math.abs(value) < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
    case "percent":
      return `${digits(value)} %`;
    case "percentunit":
      return `${digits(value * 100)} %`;
    case "bytes":
    case "decbytes":
      return scaled(value, unit === "bytes" ? 1024 : 1000, ["B", "kB", "MB", "GB", "TB"]);
    case "Bps":
    case "binBps":
      return scaled(value, 1000, ["B/s", "kB/s", "MB/s", "GB/s"]);
    case "bps":
      return scaled(value, 1000, ["b/s", "kb/s", "Mb/s", "Gb/s"]);
    case "Mbits":
      return `${digits(value)} Mb/s`;
    case "reqps":
    case "ops":
    case "rps":
      return `${scaled(value, 1000, ["", "k", "M"])} ${unit === "ops" ? "ops/s" : "req/s"}`;
    case "cores":
      return `${digits(value)} cores`;
    default:
      return scaled(value, 1000, ["", "k", "M", "G"]);
  }
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let [rest, unit] = [value, 0];
  while (Math.abs(rest) >= base && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  return `${digits(rest)} ${units[unit] ?? ""}`.trim();
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
