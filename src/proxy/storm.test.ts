import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { typeUrls } from "../xds/index.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, helloworldCluster, service, type TestMesh } from "./testing/mesh.ts";
import type { RunningProxy } from "./testing/world.ts";

/** Values of the counters that must be 0 when nothing runs. */
function running({ proxy }: RunningProxy): string[] {
  const stats = proxy.admin("/stats", new URLSearchParams({ filter: "(rq|cx|pending)_active" }), "GET").body;
  return stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"));
}

suite("after a storm of handshakes, aborts and broken answers", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  test("nothing is left running and the proxies still serve", async () => {
    let count = 0;
    const helloworld = await mesh.helloworld((request, response) => {
      const turn = ++count % 7;
      request.resume();
      response.on("error", () => {});
      if (turn === 1) response.destroy();
      else if (turn === 2) setTimeout(() => response.end("late"), 20);
      else if (turn === 3) {
        response.writeHead(200, { "content-length": "1000" });
        response.write("x");
        setTimeout(() => response.destroy(), 5);
      } else response.end("fine");
    });
    const sleep = await mesh.sleep((golden) => {
      for (const cluster of golden.cluster as JsonObject[]) {
        if (cluster["name"] !== helloworldCluster) continue;
        cluster["typedExtensionProtocolOptions"] = {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            commonHttpProtocolOptions: { maxRequestsPerConnection: 1 },
            explicitHttpConfig: { httpProtocolOptions: {} },
          },
        };
      }
    });
    const one = async (index: number) => {
      const client = await sleep.connect(service);
      client.on("error", () => {});
      const body = index % 3 === 0 ? "Content-Length: 100000\r\n\r\n" : "\r\n";
      const answer = exchange(client, `POST / HTTP/1.1\r\nHost: helloworld.sample:5000\r\n${body}`).catch(
        () => undefined,
      );
      if (index % 3 === 0) client.write(Buffer.alloc(index % 2 === 0 ? 100_000 : 5000));
      if (index % 5 === 0) setTimeout(() => client.destroy(), index % 13);
      const timeout = setTimeout(() => client.destroy(), 1500);
      await answer;
      clearTimeout(timeout);
      client.destroy();
    };
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 30 }, (_, index) => one(round * 30 + index)));
    }
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const client = await sleep.connect(service);
      const answer = await exchange(client, "GET / HTTP/1.1\r\nHost: helloworld.sample:5000\r\n\r\n").catch(
        () => undefined,
      );
      client.destroy();
      if (answer !== undefined) statuses.push(answer.status);
    }
    assert.ok(statuses.includes(200), String(statuses));
    const tls = sleep.proxy.admin(
      "/stats",
      new URLSearchParams({ filter: "5000.*ssl.connection_error" }),
      "GET",
    ).body;
    assert.match(tls, /ssl.connection_error: 0\n/);
    // Pooled connections go with their cluster; those from the sidecar to its app may stay.
    sleep.discovery.set(typeUrls.cluster, helloworldCluster, undefined);
    const left = (proxy: RunningProxy) =>
      running(proxy).filter((line) => !/^cluster\.inbound\|5000\|\|\.upstream_cx_active/.test(line));
    await waitFor(() => (left(sleep).length === 0 && left(helloworld).length === 0 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
      every: 20,
    }).catch(() => {});
    assert.deepEqual([left(sleep), left(helloworld)], [[], []]);
  });
});
