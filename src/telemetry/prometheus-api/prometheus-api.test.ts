import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, suite, test } from "vitest";
import { createMetricStore } from "../store/metric-store.ts";
import { createPrometheusApi } from "./serve-prometheus-api.ts";

const now = 1_700_000_100_000;
const store = createMetricStore({ retention: 3_600_000, maxSamples: 1000 });
const page = '# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{code="200"} ';
const target = store.target({ job: "pods", instance: "a" });
for (let i = 1; i <= 10; i++) target.take(`${page}${i}\n`, now - 100_000 + i * 10_000, { up: 1 });

let server: Server;
let url = "";

beforeAll(async () => {
  const api = createPrometheusApi({
    store,
    retention: 3_600_000,
    scrapeInterval: 5000,
    startedAt: now - 200_000,
    now: () => now,
    targets: () => [
      {
        target: {
          cluster: "east",
          labels: { job: "pods", instance: "a" },
          address: { kind: "http", host: "10.0.0.1", port: 15020, path: "/stats/prometheus" },
        },
        health: "down",
        lastScrape: now,
        duration: 12,
        failure: "connection refused",
      },
    ],
  });
  server = createServer(async (request, response) => {
    if (!(await api(request, response))) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function get(path: string, form?: Record<string, string>) {
  const response = await fetch(`${url}${path}`, form && { method: "POST", body: new URLSearchParams(form) });
  const body = (await response.json()) as {
    status: string;
    data: unknown;
    error?: string;
    errorType?: string;
  };
  return { code: response.status, ...body };
}

suite("the Prometheus API", () => {
  test.each([
    ["GET", `/api/v1/query?query=requests_total&time=${now / 1000}`, undefined],
    ["POST", "/api/v1/query", { query: "requests_total", time: String(now / 1000) }],
    [
      "GET with a time of RFC 3339",
      `/api/v1/query?query=requests_total&time=${new Date(now).toISOString()}`,
      undefined,
    ],
    ["GET without a time", "/api/v1/query?query=requests_total", undefined],
  ])("answers an instant query by %s", async (_, path, form) => {
    assert.deepEqual((await get(path, form)).data, {
      resultType: "vector",
      result: [
        {
          metric: { __name__: "requests_total", code: "200", instance: "a", job: "pods" },
          value: [now / 1000, "10"],
        },
      ],
    });
  });

  test.each([
    ["scalar", "1", [now / 1000, "1"]],
    ["string", '"x"', [now / 1000, "x"]],
    [
      "matrix",
      "up[15s]",
      [
        {
          metric: { __name__: "up", instance: "a", job: "pods" },
          values: [
            [now / 1000 - 10, "1"],
            [now / 1000, "1"],
          ],
        },
      ],
    ],
  ])("answers a %s as it is", async (resultType, query, result) => {
    assert.deepEqual((await get("/api/v1/query", { query })).data, { resultType, result });
  });

  test("answers a range query, with steps in seconds or as a duration", async () => {
    const range = { query: "sum(requests_total)", start: String(now / 1000 - 20), end: String(now / 1000) };
    for (const step of ["10", "10s"])
      assert.deepEqual((await get("/api/v1/query_range", { ...range, step })).data, {
        resultType: "matrix",
        result: [
          {
            metric: {},
            values: [
              [now / 1000 - 20, "8"],
              [now / 1000 - 10, "9"],
              [now / 1000, "10"],
            ],
          },
        ],
      });
  });

  test.each([
    [400, "bad_data", { query: "sum(" }, /parse error: an expression is wanted/],
    [400, "bad_data", { query: "up", time: "soon" }, /invalid parameter "time"/],
    [422, "execution", { query: 'up + on () group_left up + on (job) {job=~".+"}' }, /many-to-many/],
  ])("says %i %s for %j", async (code, errorType, form, error) => {
    const answer = await get("/api/v1/query", form);
    assert.deepEqual([answer.code, answer.status, answer.errorType], [code, "error", errorType]);
    assert.match(answer.error ?? "", error);
  });

  test("lists series, labels and values of those that match", async () => {
    const series = [{ __name__: "up", instance: "a", job: "pods" }];
    assert.deepEqual((await get('/api/v1/series?match[]=up{job="pods"}')).data, series);
    assert.deepEqual((await get("/api/v1/series?match[]=up&end=1")).data, []);
    assert.deepEqual((await get("/api/v1/series")).code, 400);
    assert.deepEqual((await get("/api/v1/labels")).data, ["__name__", "code", "instance", "job"]);
    assert.deepEqual((await get("/api/v1/labels", { "match[]": "up" })).data, [
      "__name__",
      "instance",
      "job",
    ]);
    assert.deepEqual((await get("/api/v1/label/__name__/values")).data, ["requests_total", "up"]);
    assert.deepEqual((await get("/api/v1/label/code/values?match[]=up")).data, []);
    assert.deepEqual((await get("/api/v1/label/a-b/values")).code, 404);
  });

  test("tells of metrics and targets", async () => {
    assert.deepEqual((await get("/api/v1/metadata?metric=requests_total")).data, {
      requests_total: [{ type: "counter", help: "Requests.", unit: "" }],
    });
    const { activeTargets } = (await get("/api/v1/targets?state=active")).data as {
      activeTargets: { scrapeUrl: string; health: string; lastError: string }[];
    };
    assert.deepEqual(
      activeTargets.map(({ scrapeUrl, health, lastError }) => [scrapeUrl, health, lastError]),
      [["http://10.0.0.1:15020/stats/prometheus", "down", "connection refused"]],
    );
  });

  test.each([
    "status/buildinfo",
    "status/config",
    "status/flags",
    "status/runtimeinfo",
    "status/tsdb",
    "rules",
    "alerts",
    "alertmanagers",
    "query_exemplars?query=up",
  ])("answers /api/v1/%s, which Grafana and Kiali ask for", async (path) => {
    assert.equal((await get(`/api/v1/${path}`)).status, "success");
  });

  test("is ready, knows what it has not, and leaves other paths to others", async () => {
    assert.equal((await fetch(`${url}/-/ready`)).status, 200);
    assert.equal((await fetch(`${url}/-/healthy`)).status, 200);
    assert.equal((await get("/api/v1/nothing")).code, 404);
    assert.equal((await fetch(`${url}/api/v1/query`, { method: "DELETE" })).status, 405);
    assert.equal((await fetch(`${url}/graph`)).status, 418);
  });
});
