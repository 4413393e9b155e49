/** Numbers and times as people read them: no more digits than they mean. */

/** Three digits that count: 0.42, 4.2, 42, 420. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.05) return "< 0.1";
  if (size < 1) return value.toFixed(size < 0.1 ? 2 : 1);
  if (size < 100) return value.toFixed(1);
  return Math.round(value).toLocaleString("en");
}

/** Milliseconds, without the unit: "3.0", "120". */
export function milliseconds(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

/** A part as a percentage, without the sign; 100 only when nothing is missing. */
export function percentage(part: number): string {
  const value = part * 100;
  if (value === 0 || value === 100) return String(value);
  if (value > 99.99) return "99.99";
  if (value > 99) return value.toFixed(2);
  if (value < 0.1) return "< 0.1";
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

/** How long: "0.2 s", "12 s", "3 m", "5 h", "364 d", "10 y". */
export function duration(time: number): string {
  const seconds = Math.max(0, time) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 100) return `${Math.round(minutes)} m`;
  const hours = minutes / 60;
  if (hours < 48) return `${Math.round(hours)} h`;
  const days = hours / 24;
  return days < 730 ? `${Math.round(days)} d` : `${Math.round(days / 365)} y`;
}

/** A range of time in the form of the URL and of PromQL: 60 is "1m". */
export function rangeText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** Seconds of such a text; undefined when it is none. */
export function parseRange(text: string): number | undefined {
  const found = /^(\d{1,5})(s|m|h)$/.exec(text);
  if (found === null) return undefined;
  const unit = { s: 1, m: 60, h: 3600 }[found[2] as "s" | "m" | "h"];
  return Number(found[1]) * unit;
}

/** "1 pod", "2 pods". */
export function count(number: number, thing: string, things = `${thing}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? thing : things}`;
}

/** Bytes a second: "1.2 KB/s". */
export function byteRate(value: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let [size, unit] = [value, 0];
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${figure(size)} ${units[unit]}/s`;
}

/** A fingerprint that can be compared at a glance. */
export function shortFingerprint(text: string): string {
  const parts = text.split(":");
  return `${parts.slice(0, 4).join(":")}:…:${parts.at(-1)}`;
}
