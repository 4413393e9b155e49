/** When something is to happen, again and again. Times in milliseconds since 1970. */
export interface Schedule {
  /** The first time after `time`; undefined when there is none within five years. */
  next(time: number): number | undefined;
  /** The last time not after `time`; undefined when there is none within five years. */
  last(time: number): number | undefined;
}

/** What is wrong with a schedule. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

const descriptors: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Words for numbers, the first for `least`. */
  readonly words?: readonly string[];
}

const fields: readonly Field[] = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of month", least: 1, most: 31 },
  { name: "month", least: 1, most: 12, words: months },
  { name: "day of week", least: 0, most: 7, words: weekdays },
];

const day = 86_400_000;
/** February 29 comes at least every eight years; more rarely is never, for a cluster. */
const farthest = 5 * 366;

/**
 * Reads a CronJob's schedule: five fields of cron, or @hourly and the like, or "@every 1h30m". Fields are of the time
 * zone (an IANA name; default UTC). Times that a clock change leaves out don't happen. Throws ScheduleError.
 */
export function parseSchedule(text: string, timeZone = "UTC"): Schedule {
  const trimmed = text.trim();
  const every = /^@every\s+(\S+)$/.exec(trimmed)?.[1];
  if (every !== undefined) return constantDelay(every);
  const expression = trimmed.startsWith("@") ? descriptors[trimmed] : trimmed;
  if (expression === undefined) throw new ScheduleError(`unrecognized descriptor: ${trimmed}`);
  const parts = expression.split(/\s+/);
  if (parts.length !== fields.length)
    throw new ScheduleError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`);
  const sets = fields.map((field, i) => parseField(parts[i] ?? "", field));
  const [minutes, hours, days, monthsOfYear, daysOfWeek] = sets as [Values, Values, Values, Values, Values];
  const zone = zoneClock(timeZone);
  // Of two restricted kinds of day either will do, as cron has it.
  const isDay = (date: Date) => {
    const inMonth = days.has(date.getUTCDate());
    const inWeek = daysOfWeek.has(date.getUTCDay());
    if (!monthsOfYear.has(date.getUTCMonth() + 1)) return false;
    return days.isAny || daysOfWeek.isAny ? inMonth && inWeek : inMonth || inWeek;
  };
  /** The times of one day by the zone's clock, earliest first. */
  const timesOf = (midnight: number): number[] => {
    if (!isDay(new Date(midnight))) return [];
    return hours.list.flatMap((hour) =>
      minutes.list.flatMap((minute) => zone.instant(midnight + (hour * 60 + minute) * 60_000) ?? []),
    );
  };
  const search = (time: number, step: 1 | -1, choose: (times: number[]) => number | undefined) => {
    const today = Math.floor(zone.local(time) / day) * day;
    for (let i = 0; i <= farthest; i++) {
      const found = choose(timesOf(today + i * step * day));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    next: (time) => search(time, 1, (times) => times.find((one) => one > time)),
    last: (time) => search(time, -1, (times) => times.filter((one) => one <= time).at(-1)),
  };
}

interface Values {
  has(value: number): boolean;
  /** In order. */
  readonly list: readonly number[];
  /** Whether the field is "*" or "?", which matters for days. */
  readonly isAny: boolean;
}

function parseField(text: string, field: Field): Values {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", stepText] = part.split("/");
    const step = stepText === undefined ? 1 : Number(stepText);
    if (!Number.isInteger(step) || step < 1)
      throw new ScheduleError(`step of range should be a positive number: ${part}`);
    const [first, last] = parseRange(range, field, stepText !== undefined);
    if (first < field.least || last > field.most)
      throw new ScheduleError(
        `${first < field.least ? `beginning of range (${first}) below minimum (${field.least})` : `end of range (${last}) above maximum (${field.most})`}: ${part}`,
      );
    if (first > last)
      throw new ScheduleError(`beginning of range (${first}) beyond end of range (${last}): ${part}`);
    // Sunday is 0 and 7.
    for (let value = first; value <= last; value += step) values.add(field.most === 7 ? value % 7 : value);
  }
  const list = [...values].sort((a, b) => a - b);
  return { has: (value) => values.has(value), list, isAny: /^[*?](\/1)?$/.test(text) };
}

function parseRange(text: string, field: Field, hasStep: boolean): [first: number, last: number] {
  if (text === "*" || text === "?") return [field.least, field.most === 7 ? 6 : field.most];
  const [from = "", to] = text.split("-");
  const first = parseValue(from, field);
  if (to !== undefined) return [first, parseValue(to, field)];
  return [first, hasStep ? field.most : first];
}

function parseValue(text: string, { words = [], least }: Field): number {
  const word = words.indexOf(text.toLowerCase());
  if (word >= 0) return least + word;
  if (!/^\d+$/.test(text))
    throw new ScheduleError(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return Number(text);
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Whole seconds, counted from 1970: so every look finds the same times. */
function constantDelay(text: string): Schedule {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  const period = parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (units[unit] ?? 0), 0);
  if (parts.map(([part]) => part).join("") !== text || period < 1000)
    throw new ScheduleError(`failed to parse duration @every ${text}`);
  return {
    next: (time) => (Math.floor(time / period) + 1) * period,
    last: (time) => Math.floor(time / period) * period,
  };
}

/** Turns instants into what a zone's clocks show, written as if it were UTC, and back. */
function zoneClock(timeZone: string) {
  if (timeZone === "UTC")
    return { local: (instant: number) => instant, instant: (local: number): number | undefined => local };
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw new ScheduleError(`unknown time zone ${timeZone}`);
  }
  const local = (instant: number) => {
    const shown = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => shown.get(type) ?? 0;
    return Date.UTC(
      part("year"),
      part("month") - 1,
      part("day"),
      part("hour"),
      part("minute"),
      part("second"),
    );
  };
  return {
    local,
    instant(wanted: number) {
      // The zone's distance from UTC at about that time; a clock change nearby takes a second look.
      let guess = wanted - (local(wanted) - wanted);
      guess += wanted - local(guess);
      return local(guess) === wanted ? guess : undefined;
    },
  };
}
