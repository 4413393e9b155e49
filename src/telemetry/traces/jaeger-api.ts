import type { ServerResponse } from "node:http";
import type { HttpHandler } from "../contracts.ts";
import { dependenciesIn, findTraces, operationsOf, servicesIn } from "./find-traces.ts";
import { jaegerTrace } from "./jaeger-json.ts";
import { traceIdOf } from "./span.ts";
import { type Trace, traceOf } from "./trace.ts";
import { QueryError, readTraceQuery } from "./trace-query.ts";
import type { TraceStore } from "./trace-store.ts";

/**
 * Jaeger's HTTP query API, as its page, Kiali and Grafana ask it: GET /api/services, /api/services/NAME/operations,
 * /api/operations, /api/traces, /api/traces/ID, /api/dependencies. Answers {data, total, limit, offset, errors}.
 */
export function createJaegerApi(store: TraceStore): HttpHandler {
  return async ({ method, url = "/" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://jaeger");
    if (method !== "GET" || !pathname.startsWith("/api/")) return false;
    try {
      const found = answer(store, pathname.slice("/api/".length).split("/"), searchParams);
      if (found === undefined) return false;
      send(response, found.status ?? 200, found.data, found.error);
    } catch (reason) {
      if (!(reason instanceof QueryError || reason instanceof URIError)) throw reason;
      send(response, 400, null, reason.message);
    }
    return true;
  };
}

interface Answer {
  readonly data: readonly unknown[] | null;
  readonly status?: number;
  readonly error?: string;
}

function answer(
  store: TraceStore,
  steps: readonly string[],
  parameters: URLSearchParams,
): Answer | undefined {
  const [what = "", name, part, ...more] = steps.map(decodeURIComponent);
  if (more.length > 0) return undefined;
  switch (what) {
    case "services":
      if (name === undefined) return { data: servicesIn(store) };
      return part === "operations" ? { data: operationNames(store, name) } : undefined;
    case "operations":
      return {
        data: operationsOf(store, required(parameters, "service"), parameters.get("spanKind") || undefined),
      };
    case "traces":
      return part === undefined ? traces(store, name, parameters) : undefined;
    case "dependencies":
      return name === undefined ? { data: dependencies(store, parameters) } : undefined;
    default:
      return undefined;
  }
}

function traces(store: TraceStore, id: string | undefined, parameters: URLSearchParams): Answer {
  if (id !== undefined) {
    const trace = traceById(store, id);
    return trace === undefined
      ? { data: null, status: 404, error: "trace not found" }
      : { data: [jaegerTrace(trace)] };
  }
  const wanted = parameters.getAll("traceID");
  if (wanted.length > 0)
    return { data: wanted.flatMap((one) => traceById(store, one) ?? []).map(jaegerTrace) };
  required(parameters, "service");
  return { data: findTraces(store, readTraceQuery(parameters)).map(jaegerTrace) };
}

/** The trace with this id, in any of its forms; undefined when there is none. */
export function traceById(store: TraceStore, text: string): Trace | undefined {
  const id = traceIdOf(text);
  const spans = id === undefined ? undefined : store.spansOf(id);
  return spans === undefined ? undefined : traceOf(spans);
}

function operationNames(store: TraceStore, service: string): string[] {
  return [...new Set(operationsOf(store, service).map(({ name }) => name))];
}

function dependencies(store: TraceStore, parameters: URLSearchParams): readonly unknown[] {
  const [end, lookback] = ["endTs", "lookback"].map((name) => Number(required(parameters, name)));
  if (!Number.isFinite(end) || !Number.isFinite(lookback))
    throw new QueryError('"endTs" and "lookback" must be milliseconds');
  // The API counts them in milliseconds, spans are in microseconds.
  return dependenciesIn(store, (Number(end) - Number(lookback)) * 1000, Number(end) * 1000);
}

function required(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name);
  if (value === null || value === "") throw new QueryError(`parameter '${name}' is required`);
  return value;
}

function send(
  response: ServerResponse,
  status: number,
  data: Answer["data"],
  error: string | undefined,
): void {
  const body = {
    data,
    total: data?.length ?? 0,
    limit: 0,
    offset: 0,
    errors: error === undefined ? null : [{ code: status, msg: error }],
  };
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
