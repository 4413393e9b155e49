import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { typeUrls } from "../xds/index.ts";
import { encodeResource } from "./testing/golden.ts";
import { exchange } from "./testing/http.ts";
import {
  assignment,
  createTestMesh,
  hello,
  helloworldCluster,
  service,
  setEndpoints,
} from "./testing/mesh.ts";
import { createMovingClock } from "./testing/moving-clock.ts";

suite("the slow start of a cluster", () => {
  test("an endpoint that joins gets a growing share of the requests", async () => {
    const mesh = createTestMesh();
    try {
      const clock = createMovingClock();
      const endpoints = ["10.0.0.1", "10.0.0.2"].map((address) => ({ address, port: 80, plain: true }));
      for (const { address, port } of endpoints) await mesh.app(address, port, hello(address));
      const sleep = await mesh.sleep(
        (golden) => {
          setEndpoints(golden, endpoints.slice(0, 1));
          golden.cluster = golden.cluster.map((json) =>
            (json as JsonObject)["name"] !== helloworldCluster
              ? json
              : {
                  ...(json as JsonObject),
                  lbPolicy: "ROUND_ROBIN",
                  roundRobinLbConfig: { slowStartConfig: { slowStartWindow: "100s" } },
                },
          );
        },
        { clock },
      );
      const shareOfNew = async () => {
        const client = await sleep.connect(service);
        let count = 0;
        for (let i = 0; i < 110; i++) {
          const { body } = await exchange(
            client,
            "GET /hello HTTP/1.1\r\nHost: helloworld.sample:5000\r\n\r\n",
          );
          if (body.includes("10.0.0.2")) count++;
        }
        return count;
      };
      assert.equal(await shareOfNew(), 0);
      clock.advance(200_000);
      sleep.discovery.set(
        typeUrls.endpoint,
        helloworldCluster,
        encodeResource("endpoint", assignment(endpoints)),
      );
      await waitFor(
        () =>
          sleep.proxy.admin("/clusters", new URLSearchParams(), "GET").body.includes("10.0.0.2")
            ? true
            : undefined,
        { changes: sleep.proxy.changes, signal: AbortSignal.timeout(30_000) },
      );
      const first = await shareOfNew();
      assert.ok(first >= 8 && first <= 13, `${first} of 110 right after it came`);
      clock.advance(50_000);
      const half = await shareOfNew();
      assert.ok(half >= 33 && half <= 40, `${half} of 110 half-way`);
      clock.advance(50_000);
      assert.equal(await shareOfNew(), 55);
    } finally {
      await mesh.stop();
    }
  });
});
