import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { cluster, gateway, tcpListener, type } from "./testing/gateway.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, type TestMesh } from "./testing/mesh.ts";
import { createMovingClock, type MovingClock } from "./testing/moving-clock.ts";

suite("how long connections may last", () => {
  let mesh: TestMesh;
  let clock: MovingClock;
  beforeEach(() => {
    mesh = createTestMesh();
    clock = createMovingClock();
  });
  afterEach(() => mesh.stop());

  const place = { address: "127.0.0.1", serviceAccount: "gw", namespace: "istio-system" };

  const http = (maxConnectionDuration: string): JsonObject => ({
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": type("upstreams.http.v3.HttpProtocolOptions"),
        commonHttpProtocolOptions: { maxConnectionDuration },
        explicitHttpConfig: { httpProtocolOptions: {} },
      },
    },
  });

  test("an HTTP connection past its duration takes no more requests", async () => {
    await mesh.app("10.0.0.1", 8080, (_request, response) => response.end("ok"));
    const clusters = [cluster("app", ["10.0.0.1"], http("60s"))];
    await mesh.addProxy("gateway", gateway({ clusters }), { ...place, clock });
    const socket = await mesh.open("127.0.0.1", 80);
    const ask = () => exchange(socket, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const dialled = async () => {
      assert.equal((await ask()).body, "ok");
      return mesh.dialled.get("10.0.0.1:8080");
    };
    assert.equal(await dialled(), 1);
    assert.equal(await dialled(), 1);
    clock.advance(61_000);
    assert.equal(await dialled(), 2);
    socket.destroy();
  });

  test("a request that runs when its connection's duration is over is answered", async () => {
    let answer = () => {};
    await mesh.app("10.0.0.1", 8080, (_request, response) => {
      answer = () => response.end("late");
    });
    const clusters = [cluster("app", ["10.0.0.1"], http("60s"))];
    const options = { ...place, clock };
    const golden = gateway({
      clusters,
      routes: [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s" } }],
    });
    await mesh.addProxy("gateway", golden, options);
    const socket = await mesh.open("127.0.0.1", 80);
    const idle = answer;
    const answered = exchange(socket, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await waitFor(() => (answer === idle ? undefined : true), { signal: AbortSignal.timeout(30_000) });
    clock.advance(61_000);
    answer();
    assert.equal((await answered).body, "late");
    socket.destroy();
  });

  test("a request that waits for the only connection allowed gets a new one when that one has served its last", async () => {
    const answers: (() => void)[] = [];
    await mesh.app("10.0.0.1", 8080, (_request, response) => {
      answers.push(() => response.end("ok"));
    });
    const limited = cluster("app", ["10.0.0.1"], {
      circuitBreakers: { thresholds: [{ maxConnections: 1, maxPendingRequests: 1 }] },
      maxRequestsPerConnection: 1,
    });
    await mesh.addProxy("gateway", gateway({ clusters: [limited] }), place);
    const sockets = await Promise.all([1, 2, 3].map(() => mesh.open("127.0.0.1", 80)));
    const ask = (at: number) => exchange(sockets[at] as Socket, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const arrived = (count: number) =>
      waitFor(() => answers.length >= count || undefined, { signal: AbortSignal.timeout(20_000) });

    const first = ask(0);
    await arrived(1);
    const waiting = [ask(1), ask(2)] as const;
    // One of the two is one too many. The other one waits for the connection.
    assert.equal((await Promise.race(waiting)).status, 503);
    answers[0]?.();
    assert.equal((await first).body, "ok");
    await arrived(2);
    answers[1]?.();
    assert.deepEqual((await Promise.all(waiting)).map(({ status }) => status).sort(), [200, 503]);
    assert.equal(mesh.dialled.get("10.0.0.1:8080"), 2);
    for (const socket of sockets) socket.destroy();
  });

  test("a proxy that was told to drain its listeners refuses new connections and keeps those that there are", async () => {
    await mesh.app("10.0.0.1", 8080, (_request, response) => response.end("ok"));
    const golden = gateway({ clusters: [cluster("app", ["10.0.0.1"])] });
    const { proxy } = await mesh.addProxy("gateway", golden, place);
    const socket = await mesh.open("127.0.0.1", 80);
    const ask = async () => (await exchange(socket, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).body;
    assert.equal(await ask(), "ok");
    const drain = (method: string) => proxy.admin("/drain_listeners", new URLSearchParams(), method);
    assert.equal(drain("GET").status, 405);
    assert.equal((await mesh.open("127.0.0.1", 80)).destroy().destroyed, true);
    assert.deepEqual([drain("POST").status, drain("POST").body], [200, "OK\n"]);
    await assert.rejects(async () => {
      const late = await mesh.open("127.0.0.1", 80);
      await exchange(late, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    });
    assert.equal(await ask(), "ok");
    socket.destroy();
  });

  test("a TCP connection is ended when its duration is over", async () => {
    await mesh.serve("10.0.0.1", 8080, (socket) => void socket.pipe(socket));
    const golden = gateway({});
    golden.listener = [tcpListener({ maxDownstreamConnectionDuration: "60s" })];
    await mesh.addProxy("gateway", golden, { ...place, clock });
    const socket = await mesh.open("127.0.0.1", 80);
    socket.on("error", () => {});
    socket.write("hello");
    const [echoed] = await once(socket, "data");
    assert.equal(String(echoed), "hello");
    clock.advance(59_000);
    socket.write("again");
    await once(socket, "data");
    const closed = once(socket, "close");
    clock.advance(2000);
    await closed;
  });
});
