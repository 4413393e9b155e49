import type { TraceQuery } from "./find-traces.ts";

/** A parameter that can't be read, in words. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

const mostTraces = 1500;

/**
 * Reads the parameters of Jaeger's search: service, operation, spanKind, tag=KEY:VALUE (several), tags={"KEY":"VALUE"},
 * start and end (microseconds since 1970), minDuration and maxDuration ("1.5ms"), limit. Empty ones count as absent.
 * Throws QueryError.
 */
export function readTraceQuery(parameters: URLSearchParams): TraceQuery {
  const text = (name: string) => parameters.get(name)?.trim() || undefined;
  const [service, operation, spanKind] = ["service", "operation", "spanKind"].map(text);
  const [start, end] = ["start", "end"].map((name) => readNumber(name, text(name)));
  const [minDuration, maxDuration] = ["minDuration", "maxDuration"].map((name) =>
    readDuration(name, text(name)),
  );
  const limit = readNumber("limit", text("limit"));
  return {
    ...(service === undefined ? {} : { service }),
    // What Jaeger's page sends for any operation.
    ...(operation === undefined || operation === "all" ? {} : { operation }),
    ...(spanKind === undefined ? {} : { spanKind: spanKind.toLowerCase() }),
    tags: readTags(parameters),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(minDuration === undefined ? {} : { minDuration }),
    ...(maxDuration === undefined ? {} : { maxDuration }),
    ...(limit === undefined ? {} : { limit: Math.min(mostTraces, Math.max(1, Math.floor(limit))) }),
  };
}

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) throw new QueryError(`"${name}" must be a number, not "${text}"`);
  return number;
}

const microseconds: Readonly<Record<string, number>> = {
  ns: 0.001,
  us: 1,
  µs: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
};

/** A duration as Go writes it, "1.2s" or "1m30s", in microseconds. */
function readDuration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new QueryError(`"${name}" must be a duration such as 1.2s, 100ms or 500us, not "${text}"`);
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (microseconds[unit] ?? 0), 0);
}

function readTags(parameters: URLSearchParams): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const one of parameters.getAll("tag")) {
    const at = one.indexOf(":");
    if (at <= 0) throw new QueryError(`"tag" must be KEY:VALUE, not "${one}"`);
    tags[one.slice(0, at)] = one.slice(at + 1);
  }
  for (const one of parameters.getAll("tags")) Object.assign(tags, readTagMap(one.trim()));
  return tags;
}

/** Tags as Jaeger's API has them, {"KEY":"VALUE"}, or as people write them, KEY=VALUE with spaces between. */
function readTagMap(text: string): Record<string, string> {
  if (text === "") return {};
  if (!text.startsWith("{")) return readLogfmt(text);
  try {
    const map = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, String(value)]));
  } catch {
    throw new QueryError(`"tags" must be a JSON map of texts, not "${text}"`);
  }
}

function readLogfmt(text: string): Record<string, string> {
  const parts = [...text.matchAll(/([^\s=]+)=(?:"([^"]*)"|(\S*))\s*/g)];
  if (parts.map(([part]) => part).join("") !== text)
    throw new QueryError(`tags are written KEY=VALUE KEY="VALUE WITH SPACES", not "${text}"`);
  return Object.fromEntries(parts.map(([, key = "", quoted, plain = ""]) => [key, quoted ?? plain]));
}
