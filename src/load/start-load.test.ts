import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { type LoadOptions, type LoadReport, startLoad } from "./start-load.ts";

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(answer: http.RequestListener): Promise<{ readonly url: URL; connections: number }> {
  const server = http.createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const served = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`),
    connections: 0,
  };
  server.on("connection", () => {
    served.connections++;
  });
  return served;
}

const options = {
  proxy: undefined,
  rate: 200,
  milliseconds: 200,
  connections: 4,
  fresh: false,
  signal: new AbortController().signal,
};

const runLoad = (given: LoadOptions) => startLoad(given).done;

/** Goes on, however slow the machine is, until the report is as wanted. */
async function runUntil(given: LoadOptions, isEnough: (report: LoadReport) => boolean): Promise<LoadReport> {
  const abort = new AbortController();
  const load = startLoad({ ...given, milliseconds: 600_000, signal: abort.signal });
  const signal = AbortSignal.timeout(60_000);
  await waitFor(() => (isEnough(load.report()) ? true : undefined), { signal });
  abort.abort();
  return load.done;
}

suite("startLoad()", () => {
  test("sends at the rate that was asked for, over kept connections, and reports what came back", async () => {
    const served = await serve((_request, response) => response.end("hi"));
    const report = await runUntil({ ...options, url: served.url }, ({ sent }) => sent >= 20);
    assert.ok(report.sent <= (report.milliseconds / 1000) * options.rate + 1, JSON.stringify(report));
    assert.equal(report.ok, report.sent);
    assert.deepEqual(Object.keys(report.answers), ["HTTP 200"]);
    assert.ok(served.connections <= 4);
    assert.ok(report.latency.p50 <= report.latency.p99 && report.latency.p99 <= report.latency.max);
  });

  test("LIQO-28 a hundred kept connections take turns, as the threads of a load script do", async () => {
    const served = await serve((_request, response) => response.end("hi"));
    const report = await runUntil(
      { ...options, url: served.url, rate: 1000, connections: 100 },
      ({ sent }) => sent > 150,
    );
    assert.equal(report.failed, 0, JSON.stringify(report));
    assert.equal(served.connections, 100);
  });

  test("fresh makes a connection for every request", async () => {
    const served = await serve((_request, response) => response.end("hi"));
    const report = await runLoad({ ...options, url: served.url, fresh: true, milliseconds: 50 });
    assert.equal(served.connections, report.sent);
  });

  test("errors of the server and broken connections are failures, each kind counted", async () => {
    let n = 0;
    const served = await serve((request, response) => {
      if (n++ % 2 === 0) request.socket.destroy();
      else response.writeHead(503).end();
    });
    const report = await runLoad({ ...options, url: served.url, fresh: true });
    assert.equal(report.ok, 0);
    assert.equal(report.failed, report.sent);
    assert.deepEqual(Object.keys(report.answers).sort(), ["ECONNRESET", "HTTP 503"]);
  });

  test("a server that is slower than the rate makes requests wait in no queue: they are skipped and counted", async () => {
    const held: http.ServerResponse[] = [];
    const served = await serve((_request, response) => {
      held.push(response);
      if (held.length === 4)
        setImmediate(() => {
          for (const one of held.splice(0)) one.end();
        });
    });
    const report = await runLoad({ ...options, url: served.url, rate: 2000, milliseconds: 60 });
    assert.ok(report.skipped > 0);
  });

  test("says what it saw so far while it goes on, and ends early when it is told to", async () => {
    const served = await serve((_request, response) => response.end("hi"));
    let soFar: LoadReport | undefined;
    const whole = await runUntil({ ...options, url: served.url }, (report) => {
      soFar = report;
      return report.ok > 3;
    });
    assert.ok(soFar !== undefined && soFar.ok > 3 && soFar.milliseconds <= whole.milliseconds);
    assert.equal(whole.ok, whole.sent);
  });

  test("through a pod's proxy the request is in absolute form, with the proxy's credentials", async () => {
    const seen: (string | undefined)[] = [];
    const served = await serve((request, response) => {
      seen.push(request.url, request.headers["proxy-authorization"], request.headers.host);
      response.end();
    });
    const proxy = { host: "127.0.0.1", port: Number(served.url.port), authorization: "Basic eA==" };
    await runLoad({
      ...options,
      url: new URL("http://web.shop:5000/hello"),
      proxy,
      rate: 1,
      milliseconds: 20,
    });
    assert.deepEqual(seen.slice(0, 3), ["http://web.shop:5000/hello", "Basic eA==", "web.shop:5000"]);
  });
});
