import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { suite, test } from "vitest";
import { createMetrics } from "../../base/index.ts";
import { countRequests, resourceOf } from "./count-requests.ts";
import { startOperations } from "./start-operations.ts";

suite("startOperations()", () => {
  test("answers what kubelets and Prometheus ask, and nothing else", async () => {
    const metrics = createMetrics();
    metrics.gauge("one", "One.", () => 1);
    let why: string | undefined = "not connected";
    let port = 0;
    const stop = await startOperations({
      ...{ metrics, notReady: () => why },
      async listen(_name, onConnection) {
        const server = createServer(onConnection);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        port = (server.address() as AddressInfo).port;
        return () => new Promise((resolve) => server.close(() => resolve()));
      },
    });
    const ask = async (page: string, method = "GET") => {
      const response = await fetch(`http://127.0.0.1:${port}${page}`, { method });
      return `${response.status} ${await response.text()}`;
    };
    try {
      assert.equal(await ask("/healthz"), "200 ok\n");
      assert.equal(await ask("/readyz"), "503 not connected\n");
      why = undefined;
      assert.equal(await ask("/readyz?verbose"), "200 ok\n");
      assert.match(await ask("/metrics"), /^200 [\s\S]*\none 1\n$/);
      assert.match(await ask("/secrets"), /^404 /);
      assert.match(await ask("/healthz", "POST"), /^405 /);
    } finally {
      await stop();
    }
  });
});

suite("countRequests()", () => {
  for (const [path, group, resource] of [
    ["/api/v1/namespaces/x/secrets/y", "", "secrets"],
    ["/api/v1/namespaces", "", "namespaces"],
    ["/api/v1/namespaces/x", "", "namespaces"],
    ["/apis/apps/v1/namespaces/x/deployments/y/scale", "apps", "deployments/scale"],
    ["/apis/rbac.authorization.k8s.io/v1/clusterroles/y", "rbac.authorization.k8s.io", "clusterroles"],
    ["/version", "", ""],
  ] as const) {
    test(`${path} is about ${group}/${resource}`, () => {
      assert.deepEqual(resourceOf(path), { group, resource });
    });
  }

  test("counts answers by their status, and requests without an answer as 0", async () => {
    const metrics = createMetrics();
    let isAway = false;
    const api = countRequests(
      {
        async send() {
          if (isAway) throw new Error("away");
          return { status: 403, headers: {} };
        },
      },
      metrics,
    );
    const request = {
      method: "GET",
      path: "/api/v1/nodes",
      query: new URLSearchParams(),
      headers: {},
    } as const;
    await api.send(request);
    isAway = true;
    await assert.rejects(api.send(request), /away/);
    const line = (code: string) =>
      `isthmus_api_requests_total{method="GET",group="",resource="nodes",code="${code}"} 1`;
    for (const code of ["403", "0"]) assert.ok(metrics.text().includes(line(code)), metrics.text());
  });
});
