import type { Clock } from "../../../base/index.ts";
import type { HttpHandler } from "../../contracts.ts";
import { html } from "../../pages/html.ts";
import { sendPage } from "../../pages/page.ts";
import { style } from "../../pages/style.ts";
import { findTraces, operationsOf, servicesIn, type TraceQuery } from "../find-traces.ts";
import { traceById } from "../jaeger-api.ts";
import { QueryError, readTraceQuery } from "../trace-query.ts";
import type { TraceStore } from "../trace-store.ts";
import { lookbacks, type SearchView, searchPage } from "./search-page.ts";
import { tracePage } from "./trace-page.ts";

/**
 * Pages on traces, at the paths of Jaeger's: /search with the parameters of its API, /trace/ID. They work wherever they
 * are mounted, without scripts and without anything from elsewhere.
 */
export function createTracePages(store: TraceStore, clock: Clock): HttpHandler {
  return async ({ method, url = "/" }, response) => {
    if (method !== "GET") return false;
    const { pathname, searchParams } = new URL(url, "http://jaeger");
    if (pathname === "/pages.css") {
      response
        .writeHead(200, { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" })
        .end(style);
      return true;
    }
    if (pathname === "/" || pathname === "/search") {
      const view = look(store, searchParams, clock.now());
      const status = view.problem === undefined ? 200 : 400;
      sendPage(response, { status, title: "Traces", base: "./", body: searchPage(view) });
      return true;
    }
    const [, id] = /^\/trace\/([^/]+)$/.exec(pathname) ?? [];
    if (id === undefined) return false;
    const trace = traceById(store, id);
    if (trace === undefined) {
      const body = html`<header><h1>No trace ${id}</h1><nav><a href="../search">All traces</a></nav></header>
<main><div class="card empty"><p>It was never reported, or is forgotten by now: traces are kept for an hour and as long as there is room.</p></div></main>`;
      sendPage(response, { status: 404, title: "No such trace", base: "../", body });
    } else {
      const title = `${trace.root.service}: ${trace.root.name}`;
      sendPage(response, { status: 200, title, base: "../", body: tracePage(trace) });
    }
    return true;
  };
}

function look(store: TraceStore, parameters: URLSearchParams, now: number): SearchView {
  const services = servicesIn(store);
  const view = (query: TraceQuery, more: Pick<SearchView, "found"> & Partial<SearchView>): SearchView => ({
    parameters,
    query,
    services,
    operations: query.service === undefined ? [] : operationsOf(store, query.service),
    now,
    ...more,
  });
  try {
    const read = readTraceQuery(parameters);
    const [lookback] = lookbacks[parameters.get("lookback") ?? ""] ?? [];
    const query = lookback === undefined ? read : { ...read, start: now * 1000 - lookback };
    return view(query, { found: findTraces(store, query) });
  } catch (reason) {
    if (!(reason instanceof QueryError)) throw reason;
    const service = parameters.get("service") || undefined;
    return view(service === undefined ? {} : { service }, { found: [], problem: reason.message });
  }
}
