import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, suite, test } from "vitest";
import { silentLogger, systemClock } from "../base/index.ts";
import { startProxy } from "./start-proxy.ts";
import { readGolden, readNode } from "./testing/golden.ts";
import { exchange } from "./testing/http.ts";
import { createWorld, type World } from "./testing/world.ts";

suite("two proxies and an east-west gateway on istiod's resources", () => {
  let world: World;
  beforeEach(() => {
    world = createWorld();
  });
  afterEach(() => world.stop());

  test("a request crosses networks with mTLS end to end", async () => {
    const seen: Record<string, string | string[] | undefined>[] = [];
    const app = createServer((request, response) => {
      seen.push(request.headers);
      response.end("hello from v2\n");
    });
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    world.map("10.20.1.10", 5000, app.address() as AddressInfo);
    await world.addProxy("helloworld", readGolden("a-multinetwork--helloworld-cluster2"), {
      address: "10.20.1.10",
      serviceAccount: "helloworld",
      inboundPorts: [5000],
    });
    await world.addProxy("gateway", readGolden("a-multinetwork--eastwest-cluster2"), {
      address: "172.18.2.1",
      serviceAccount: "istio-eastwestgateway",
      namespace: "istio-system",
    });
    const sleep = await world.addProxy("sleep", readGolden("a-multinetwork--sleep-cluster1"), {
      address: "10.10.1.20",
      serviceAccount: "sleep",
    });
    const client = await sleep.connect({ address: "10.1.0.10", port: 5000 });
    const answer = await exchange(client, "GET /hello HTTP/1.1\r\nHost: helloworld.sample:5000\r\n\r\n");
    assert.equal(answer.status, 200, answer.body);
    assert.equal(answer.body, "hello from v2\n");
    app.close();
    assert.match(
      String(seen[0]?.["x-forwarded-client-cert"]),
      /^By=spiffe:\/\/cluster.local\/ns\/sample\/sa\/helloworld;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/cluster.local\/ns\/sample\/sa\/sleep$/,
    );
  });
});

test("a proxy ends although opening its stream to discovery takes for ever", async () => {
  const proxy = startProxy({
    node: readNode(readGolden("a-multinetwork--sleep-cluster1")),
    openAds: () => new Promise(() => {}),
    secrets: { get: () => undefined, onChange: () => {} },
    network: {
      dial: () => assert.fail("nothing is to be dialled"),
      listen: async () => async () => {},
      resolve: async () => [],
    },
    accessLog: () => {},
    log: silentLogger,
    clock: systemClock,
  });
  await proxy.stop(0);
});
