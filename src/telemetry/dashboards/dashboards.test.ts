import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, suite, test } from "vitest";
import { createMetricStore } from "../store/metric-store.ts";
import { chooseValues } from "./choose-values.ts";
import { createDashboards, type Dashboards } from "./dashboards.ts";
import { formatUnit } from "./format-unit.ts";
import { parseDashboard } from "./parse-dashboard.ts";
import { legendOf, substitute } from "./substitute.ts";

const now = 1_700_000_600_000;
const store = createMetricStore({ retention: 3_600_000, maxSamples: 1000 });
const target = store.target({ cluster: "east" });
for (let i = 0; i <= 60; i++)
  target.take(
    `requests_total{namespace="shop",code="200"} ${i * 100}\nrequests_total{namespace="bank",code="200"} ${i * 10}\n`,
    now - 600_000 + i * 10_000,
    {},
  );

const json = {
  title: "Shops & banks",
  uid: "shops",
  refresh: "10s",
  time: { from: "now-5m", to: "now" },
  templating: {
    list: [
      {
        name: "namespace",
        label: "Namespace",
        type: "query",
        query: "label_values(requests_total, namespace)",
        current: { value: "shop" },
      },
      { name: "delta", type: "constant", query: "1m" },
      {
        name: "code",
        type: "custom",
        query: "200, 503",
        multi: true,
        includeAll: true,
        current: { value: ["$__all"] },
      },
    ],
  },
  panels: [
    { type: "row", title: "Requests", gridPos: { x: 0, y: 0, w: 24, h: 1 } },
    {
      type: "timeseries",
      title: "Rate of $namespace",
      gridPos: { x: 0, y: 1, w: 12, h: 8 },
      fieldConfig: { defaults: { unit: "reqps" } },
      targets: [
        {
          expr: 'sum by (namespace) (rate(requests_total{namespace="$namespace", code=~"$code"}[$delta]))',
          legendFormat: "{{namespace}} <now>",
        },
      ],
    },
    { type: "stat", title: "Total", targets: [{ expr: "sum(requests_total)" }] },
    { type: "timeseries", title: "Wrong", targets: [{ expr: "sum(" }] },
    { type: "graph", title: "Nothing", targets: [{ expr: "absent_metric" }] },
    { type: "text", title: "About", options: { content: "<b>bold</b>" } },
  ],
};

suite("dashboards of Grafana's form", () => {
  let dashboards: Dashboards;
  let server: Server;
  let url = "";

  beforeAll(async () => {
    dashboards = createDashboards({ store, now: () => now });
    assert.equal(dashboards.add(json), true);
    server = createServer(async (request, response) => {
      if (!(await dashboards.pages(request, response))) response.writeHead(418).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const page = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  test("are drawn with the values that they were saved with: lines, numbers, texts, and what is wrong with a panel", async () => {
    const { status, headers, text } = await page("/d/shops");
    assert.equal(status, 200);
    assert.equal(headers.get("refresh"), "10");
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.match(text, /<h1>Shops &#38; banks<\/h1>/);
    assert.match(text, /<h2>Rate of shop<\/h2><svg class="chart"/);
    assert.match(text, /<title>shop &#60;now&#62;<\/title>/);
    assert.match(text, /shop &#60;now&#62; <span class="dim">10 req\/s/);
    assert.match(text, /<h2>Total<\/h2><p class="value">6.6 k/);
    assert.match(text, /<h2>Wrong<\/h2><p class="problem" role="alert">an expression is wanted/);
    assert.match(text, /<h2>Nothing<\/h2><p class="dim">no data/);
    assert.match(text, /&#60;b&#62;bold&#60;\/b&#62;/);
  });

  test("follow the variables of the URL, and offer all values that the mesh has", async () => {
    const { text } = await page("/d/shops?var-namespace=bank&range=15m");
    assert.match(text, /<h2>Rate of bank<\/h2>/);
    assert.match(text, /bank &#60;now&#62; <span class="dim">1 req\/s/);
    assert.match(text, /<option value="bank" selected>bank<\/option><option value="shop">shop<\/option>/);
    assert.match(text, /<option value="15m" selected>/);
    assert.doesNotMatch(text, /var-delta/);
  });

  test("are listed, found and imported over Grafana's API", async () => {
    assert.match((await page("/")).text, /<a href="d\/shops">Shops &#38; banks<\/a>/);
    assert.deepEqual(JSON.parse((await page("/api/search")).text), [
      { uid: "shops", title: "Shops & banks", type: "dash-db", url: "/d/shops" },
    ]);
    assert.equal(JSON.parse((await page("/api/dashboards/uid/shops")).text).dashboard.title, json.title);
    const post = (body: unknown) =>
      fetch(`${url}/api/dashboards/db`, { method: "POST", body: JSON.stringify(body) });
    assert.equal((await post({ dashboard: { title: "Another one", panels: [] } })).status, 200);
    assert.equal((await page("/d/another-one")).status, 200);
    assert.equal((await post({ title: "no panels" })).status, 400);
    assert.equal((await page("/d/nobody")).status, 404);
    assert.equal((await page("/api/health")).status, 200);
    assert.equal((await page("/elsewhere")).status, 418);
  });

  test("have variables for all, for several values, and for Grafana's own intervals", () => {
    const dashboard = parseDashboard(json);
    assert.ok(dashboard !== undefined);
    const context = { store, from: now - 3_600_000, to: now };
    const choose = (query: string) => chooseValues(dashboard, new URLSearchParams(query), context);
    assert.equal(
      substitute("$code ${namespace} [[delta]] $unknown", choose(""), context),
      ".* shop 1m $unknown",
    );
    assert.equal(
      substitute("$code ${code:pipe}", choose("var-code=200&var-code=5.3"), context),
      "(200|5\\\\.3) 200|5.3",
    );
    assert.equal(substitute("$__interval $__rate_interval $__range_s", [], context), "15s 60s 3600");
  });

  test("may ask for the results of queries as values", () => {
    const dashboard = parseDashboard({
      title: "x",
      panels: [],
      templating: {
        list: [
          {
            name: "one",
            type: "query",
            query: { query: "query_result(sum by (namespace) (requests_total))" },
            regex: '/.*namespace="([^"]*)".*/',
          },
        ],
      },
    });
    assert.ok(dashboard !== undefined);
    const [choice] = chooseValues(dashboard, new URLSearchParams(), { store, from: now - 60_000, to: now });
    assert.deepEqual([choice?.options, choice?.chosen], [["bank", "shop"], ["bank"]]);
  });

  test.each([
    [0.0123, "ms", "0.0123 ms"],
    [1500, "ms", "1.5 s"],
    [0.25, "percentunit", "25 %"],
    [2048, "bytes", "2 kB"],
    [1234, "reqps", "1.23 k req/s"],
    [1e7, "short", "10 M"],
    [Number.NaN, "short", "–"],
  ])("%d of %s is %s", (value, unit, text) => {
    assert.equal(formatUnit(value, unit), text);
  });

  test("a legend names labels; one that is left out, all of them", () => {
    assert.equal(legendOf("{{ a }}/{{b}}", { a: "x" }, "{}"), "x/");
    assert.equal(legendOf("", { a: "x" }, '{a="x"}'), '{a="x"}');
  });
});
