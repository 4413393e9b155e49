import type { IncomingMessage, ServerResponse } from "node:http";
import { version } from "../../base/index.ts";
import type { HttpHandler } from "../contracts.ts";
import { html } from "../pages/html.ts";
import { sendPage } from "../pages/page.ts";
import { style } from "../pages/style.ts";
import { PromqlError } from "../promql/expression.ts";
import { readDuration } from "../promql/read-duration.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { chooseValues } from "./choose-values.ts";
import { dashboardPage } from "./dashboard-page.ts";
import { type Dashboard, parseDashboard } from "./parse-dashboard.ts";

/** Dashboards of Grafana's JSON model, and the paths of Grafana's API by which they are found and imported. */
export interface Dashboards {
  readonly pages: HttpHandler;
  /** Takes one in, in the place of another with the same uid; false when it is none. */
  add(json: unknown): boolean;
}

const maxDashboards = 500;
const maxBodyBytes = 2 * 1024 * 1024;

export function createDashboards(options: { readonly store: MetricStore; now(): number }): Dashboards {
  const dashboards = new Map<string, { readonly dashboard: Dashboard; readonly json: unknown }>();
  const add = (json: unknown): Dashboard | undefined => {
    const dashboard = parseDashboard(json);
    if (dashboard === undefined || (dashboards.size >= maxDashboards && !dashboards.has(dashboard.uid)))
      return undefined;
    dashboards.set(dashboard.uid, { dashboard, json });
    return dashboard;
  };

  const show = (uid: string, parameters: URLSearchParams, response: ServerResponse) => {
    const found = dashboards.get(uid);
    if (found === undefined) {
      const body = html`<header><h1>No dashboard ${uid}</h1><nav><a href="../">All dashboards</a></nav></header>`;
      return sendPage(response, { status: 404, title: "No such dashboard", base: "../", body });
    }
    const { dashboard } = found;
    const range = parameters.get("range") ?? `${Math.round(dashboard.range / 60_000)}m`;
    const to = options.now();
    const context = { store: options.store, from: to - (readDuration(range) ?? dashboard.range), to };
    if (dashboard.refresh !== undefined) response.setHeader("refresh", String(dashboard.refresh));
    try {
      const choices = chooseValues(dashboard, parameters, context);
      const body = dashboardPage(dashboard, choices, range, context);
      sendPage(response, { status: 200, title: dashboard.title, base: "../", body });
    } catch (reason) {
      if (!(reason instanceof PromqlError || reason instanceof SyntaxError)) throw reason;
      const body = html`<header><h1>${dashboard.title}</h1></header><main><p class="problem" role="alert">${reason.message}</p></main>`;
      sendPage(response, { status: 200, title: dashboard.title, base: "../", body });
    }
  };

  const list = (response: ServerResponse) => {
    const rows = [...dashboards.values()].map(
      ({ dashboard: { uid, title, panels } }) =>
        html`<tr><td><a href="d/${encodeURIComponent(uid)}">${title}</a></td><td class="number">${panels.length}</td></tr>`,
    );
    const body = html`<header><h1>Dashboards</h1></header><main>${
      rows.length === 0
        ? html`<div class="card empty"><p>There is none yet.</p><p>The mesh file lists them: <code>addons: { grafana: { dashboards: [FILE] } }</code>; so does <code>POST /api/dashboards/db</code>.</p></div>`
        : html`<div class="card results"><table><thead><tr><th>Dashboard</th><th class="number">Panels</th></tr></thead><tbody>${rows}</tbody></table></div>`
    }</main>`;
    sendPage(response, { status: 200, title: "Dashboards", base: "./", body });
  };

  const search = () =>
    [...dashboards.values()].map(({ dashboard: { uid, title } }) => ({
      uid,
      title,
      type: "dash-db",
      url: `/d/${uid}`,
    }));

  const pages: HttpHandler = async (request, response) => {
    const url = new URL(request.url ?? "/", "http://grafana");
    const { pathname } = url;
    if (request.method === "POST" && /^\/api\/dashboards\/(db|import)$/.test(pathname)) {
      const dashboard = add(await readJson(request));
      if (dashboard === undefined)
        sendJson(response, 400, { message: "the body is no dashboard: it has no title or no panels" });
      else sendJson(response, 200, { status: "success", uid: dashboard.uid, url: `/d/${dashboard.uid}` });
      return true;
    }
    if (request.method !== "GET") return false;
    const [, uid] = /^\/d\/([^/]+)/.exec(pathname) ?? [];
    const [, asked] = /^\/api\/dashboards\/uid\/([^/]+)$/.exec(pathname) ?? [];
    if (uid !== undefined) show(decodeURIComponent(uid), url.searchParams, response);
    else if (asked !== undefined) {
      const found = dashboards.get(decodeURIComponent(asked));
      if (found === undefined) sendJson(response, 404, { message: "Dashboard not found" });
      else sendJson(response, 200, { meta: { url: `/d/${asked}` }, dashboard: found.json });
    } else if (pathname === "/" || pathname === "/dashboards") list(response);
    else if (pathname === "/pages.css" || pathname === "/d/pages.css") {
      response.writeHead(200, { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" });
      response.end(style);
    } else if (pathname === "/api/health") sendJson(response, 200, { database: "ok", version });
    else if (pathname === "/api/search") sendJson(response, 200, search());
    else return false;
    return true;
  };
  return { pages, add: (json) => add(json) !== undefined };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
