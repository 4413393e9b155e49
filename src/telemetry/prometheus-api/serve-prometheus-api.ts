import type { IncomingMessage, ServerResponse } from "node:http";
import { version } from "../../base/index.ts";
import type { HttpHandler } from "../contracts.ts";
import { PromqlError } from "../promql/expression.ts";
import { formatNumber } from "../promql/format-number.ts";
import { parsePromql, parseSelector } from "../promql/parse-promql.ts";
import { type InstantResult, type Line, runInstantQuery, runRangeQuery } from "../promql/run-query.ts";
import { keyOf } from "../promql/values.ts";
import { addressText, type TargetState } from "../scrape/scrape-target.ts";
import { type Labels, nameLabel } from "../store/labels.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { readParameters, readStep, readTime } from "./read-parameters.ts";

export interface PrometheusApiOptions {
  readonly store: MetricStore;
  /** Milliseconds. */
  readonly retention: number;
  /** Milliseconds. */
  readonly scrapeInterval: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  now(): number;
  targets(): readonly TargetState[];
}

/** Series, labels or values that one answer names. */
const maxNames = 100_000;

/** What a client that asks for the version of the API is told: that of the Prometheus whose PromQL this is. */
const prometheusVersion = "2.42.0";

type Call = (parameters: URLSearchParams, rest: string) => unknown;

/** A metric name, label or value that is no such thing. */
class NotFound extends Error {}

/**
 * Answers the Prometheus HTTP API: queries over GET and POST, series, labels, metadata, targets, and the status pages
 * that Grafana and Kiali ask for. There are no rules, alerts or exemplars; their lists are empty.
 */
export function createPrometheusApi(options: PrometheusApiOptions): HttpHandler {
  const calls = createCalls(options);
  return async (request, response) => {
    const url = new URL(request.url ?? "/", "http://prometheus");
    if (url.pathname === "/-/healthy" || url.pathname === "/-/ready") {
      const what = url.pathname === "/-/ready" ? "Ready" : "Healthy";
      sendText(response, 200, `Prometheus Server is ${what}.\n`);
      return true;
    }
    if (!url.pathname.startsWith("/api/v1/")) return false;
    await answer(request, response, url, calls);
    return true;
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  calls: ReadonlyMap<string, Call>,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "POST" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, POST");
    return sendError(response, 405, "bad_data", "method not allowed");
  }
  try {
    const parameters = await readParameters(request, url.searchParams);
    const [name = "", ...rest] = url.pathname.slice("/api/v1/".length).split("/");
    const call = calls.get(rest.length === 0 ? name : `${name}/`) ?? calls.get([name, ...rest].join("/"));
    if (call === undefined) return sendError(response, 404, "not_found", `no ${url.pathname} here`);
    send(response, 200, { status: "success", data: call(parameters, rest.join("/")) });
  } catch (reason) {
    if (reason instanceof NotFound) return sendError(response, 404, "not_found", reason.message);
    if (!(reason instanceof PromqlError)) throw reason;
    const { message, position } = reason;
    const isParsing = position !== undefined;
    sendError(
      response,
      isParsing || message.startsWith("invalid parameter") ? 400 : 422,
      isParsing || message.startsWith("invalid parameter") ? "bad_data" : "execution",
      isParsing ? `invalid parameter "query": 1:${position + 1}: parse error: ${message}` : message,
    );
  }
}

function createCalls(options: PrometheusApiOptions): ReadonlyMap<string, Call> {
  const { store, now, targets } = options;
  const select = store.select;

  const matching = (parameters: URLSearchParams): Labels[] => {
    const from = readTime(parameters, "start", now() - options.retention);
    const to = readTime(parameters, "end", now());
    const selectors = parameters.getAll("match[]").map(parseSelector);
    const found = new Map<string, Labels>();
    for (const matchers of selectors.length === 0 ? [[]] : selectors)
      for (const { labels } of select(matchers, from, to)) found.set(keyOf(labels), labels);
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, labels]) => labels);
  };

  return new Map<string, Call>([
    [
      "query",
      (parameters) =>
        instantJson(
          runInstantQuery(parameters.get("query") ?? "", readTime(parameters, "time", now()), select),
        ),
    ],
    [
      "query_range",
      (parameters) => {
        const moments = {
          start: readTime(parameters, "start"),
          end: readTime(parameters, "end"),
          step: readStep(parameters, "step"),
        };
        const lines = runRangeQuery(parameters.get("query") ?? "", moments, select);
        return { resultType: "matrix", result: lines.map(lineJson) };
      },
    ],
    [
      "query_exemplars",
      (parameters) => {
        parsePromql(parameters.get("query") ?? "");
        return [];
      },
    ],
    [
      "series",
      (parameters) => {
        if (!parameters.has("match[]")) throw new PromqlError("no match[] parameter provided", 0);
        return matching(parameters).slice(0, maxNames);
      },
    ],
    ["labels", (parameters) => unique(matching(parameters).flatMap((labels) => Object.keys(labels)))],
    [
      "label/",
      (parameters, rest) => {
        const [, name] = /^([a-zA-Z_][a-zA-Z0-9_]*)\/values$/.exec(rest) ?? [];
        if (name === undefined) throw new NotFound(`no /api/v1/label/${rest} here`);
        return unique(matching(parameters).flatMap((labels) => labels[name] ?? []));
      },
    ],
    ["metadata", (parameters) => metadataJson(store, parameters)],
    ["targets", (parameters) => targetsJson(targets(), parameters.get("state") ?? "any", options)],
    ["rules", () => ({ groups: [] })],
    ["alerts", () => ({ alerts: [] })],
    ["alertmanagers", () => ({ activeAlertmanagers: [], droppedAlertmanagers: [] })],
    ["status/buildinfo", () => buildInfo],
    ["status/config", () => ({ yaml: configOf(options) })],
    ["status/flags", () => ({ "storage.tsdb.retention.time": `${options.retention / 1000}s` })],
    ["status/runtimeinfo", () => runtimeInfo(options)],
    ["status/tsdb", () => ({ headStats: headStats(options), seriesCountByMetricName: namesByCount(store) })],
  ]);
}

function instantJson(result: InstantResult): unknown {
  switch (result.type) {
    case "scalar":
      return { resultType: "scalar", result: [result.at / 1000, formatNumber(result.value)] };
    case "string":
      return { resultType: "string", result: [result.at / 1000, result.value] };
    case "matrix":
      return { resultType: "matrix", result: result.lines.map(lineJson) };
    default:
      return {
        resultType: "vector",
        result: result.samples.map(({ labels, value }) => ({
          metric: labels,
          value: [result.at / 1000, formatNumber(value)],
        })),
      };
  }
}

function lineJson({ labels, times, values }: Line): unknown {
  return { metric: labels, values: times.map((time, i) => [time / 1000, formatNumber(values[i] ?? 0)]) };
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort().slice(0, maxNames);
}

function metadataJson({ families }: MetricStore, parameters: URLSearchParams): unknown {
  const metric = parameters.get("metric");
  const limit = Number(parameters.get("limit") ?? maxNames);
  return Object.fromEntries(
    [...families.values()]
      .filter(({ name }) => metric === null || name === metric)
      .slice(0, limit >= 0 ? limit : maxNames)
      .map(({ name, type, help }) => [
        name,
        [{ type: type === "untyped" ? "unknown" : type, help, unit: "" }],
      ]),
  );
}

function targetsJson(
  states: readonly TargetState[],
  wanted: string,
  { scrapeInterval }: PrometheusApiOptions,
): unknown {
  const active = states.map(({ target, health, lastScrape, duration, failure }) => ({
    discoveredLabels: target.labels,
    labels: target.labels,
    scrapePool: target.labels["job"] ?? "",
    scrapeUrl: addressText(target),
    globalUrl: addressText(target),
    lastError: failure ?? "",
    lastScrape: new Date(lastScrape ?? 0).toISOString(),
    lastScrapeDuration: duration / 1000,
    health,
    scrapeInterval: `${scrapeInterval / 1000}s`,
    scrapeTimeout: `${scrapeInterval / 1000}s`,
  }));
  return { activeTargets: wanted === "dropped" ? [] : active, droppedTargets: [] };
}

const buildInfo = {
  version: prometheusVersion,
  revision: `isthmus ${version}`,
  branch: "",
  buildUser: "",
  buildDate: "",
  goVersion: "",
};

function configOf({ scrapeInterval }: PrometheusApiOptions): string {
  return `global:\n  scrape_interval: ${scrapeInterval / 1000}s\n`;
}

function runtimeInfo({ startedAt, retention, store, now }: PrometheusApiOptions): unknown {
  return {
    startTime: new Date(startedAt).toISOString(),
    CWD: "",
    reloadConfigSuccess: true,
    lastConfigTime: new Date(startedAt).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 1,
    GOGC: "",
    GODEBUG: "",
    storageRetention: `${retention / 1000}s`,
    serverTime: new Date(now()).toISOString(),
    timeSeriesCount: store.size.series,
  };
}

function headStats({ store, retention, now }: PrometheusApiOptions): unknown {
  const { series } = store.size;
  return { numSeries: series, numLabelPairs: 0, chunkCount: 0, minTime: now() - retention, maxTime: now() };
}

function namesByCount(store: MetricStore): unknown {
  const counts = new Map<string, number>();
  for (const { labels } of store.select([], Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) {
    const name = labels[nameLabel] ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 10);
  return most.map(([name, value]) => ({ name, value }));
}

function sendError(response: ServerResponse, status: number, errorType: string, error: string): void {
  send(response, status, { status: "error", errorType, error });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}
