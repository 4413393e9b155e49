import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { typeUrls } from "../xds/index.ts";
import { cluster, gateway, type } from "./testing/gateway.ts";
import { encodeResource } from "./testing/golden.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, hello, type TestMesh } from "./testing/mesh.ts";
import { createMovingClock, type MovingClock } from "./testing/moving-clock.ts";
import type { RunningProxy } from "./testing/world.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const soon = () => ({ signal: AbortSignal.timeout(2000), every: 5 });

/** A filter chain that copies bytes to a cluster. */
function tcpChain(to: string, match?: JsonObject): JsonObject {
  return {
    ...(match === undefined ? {} : { filterChainMatch: match }),
    filters: [
      {
        name: "envoy.filters.network.tcp_proxy",
        typedConfig: {
          "@type": type("filters.network.tcp_proxy.v3.TcpProxy"),
          statPrefix: to,
          cluster: to,
        },
      },
    ],
  };
}

/** Whether the other side has closed. */
const isClosed = (socket: Socket) => socket.readableEnded || socket.destroyed;

suite("a listener's connections", () => {
  let mesh: TestMesh;
  let clock: MovingClock;
  beforeEach(() => {
    mesh = createTestMesh();
    clock = createMovingClock();
  });
  afterEach(() => mesh.stop());

  /** A gateway on port 80; `chains` in place of the one that speaks HTTP. */
  async function start(chains?: JsonObject[]): Promise<RunningProxy> {
    const config = gateway({
      routes: [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s" } }],
    });
    if (chains !== undefined) (config.listener[0] as JsonObject)["filterChains"] = chains;
    config.cluster.push(cluster("other", ["10.0.0.2"]));
    return mesh.addProxy("gateway", config, {
      address: "127.0.0.1",
      serviceAccount: "gw",
      namespace: "istio-system",
      clock,
    });
  }

  function send(running: RunningProxy, listener: JsonValue | undefined) {
    running.discovery.set(
      typeUrls.listener,
      "0.0.0.0_80",
      listener === undefined ? undefined : encodeResource("listener", listener),
    );
  }

  /** Waits until what was sent is at work. */
  async function taken(running: RunningProxy) {
    const count = running.discovery.requests.length;
    await waitFor(() => (running.discovery.requests.length > count ? true : undefined), soon());
  }

  async function open(): Promise<Socket> {
    const socket = await mesh.open("127.0.0.1", 80);
    socket.on("error", () => {});
    socket.resume();
    return socket;
  }

  /** An app that sends back what it gets. */
  async function echo(address: string) {
    await mesh.serve(address, 8080, (socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
  }

  async function say(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    const [chunk] = await once(socket, "data", soon());
    return String(chunk);
  }

  /** An app whose answers wait until they are let go. */
  async function slowApp() {
    const held: (() => void)[] = [];
    await mesh.app("10.0.0.1", 8080, (_request, response) => held.push(() => response.end("late")));
    return held;
  }

  suite("when the listener is removed", () => {
    test("idle HTTP ends at once", async () => {
      await mesh.app("10.0.0.1", 8080, hello("v1"));
      const running = await start();
      const used = await open();
      assert.equal((await exchange(used, get)).status, 200);
      used.resume();
      const fresh = await open();
      send(running, undefined);
      await waitFor(() => (isClosed(used) && isClosed(fresh) ? true : undefined), soon());
      await assert.rejects(open());
    });

    test("a running request is answered, then the connection ends", async () => {
      const held = await slowApp();
      const running = await start();
      const socket = await open();
      const answer = exchange(socket, get);
      const release = await waitFor(() => held[0], soon());
      send(running, undefined);
      await taken(running);
      clock.advance(40_000);
      release();
      const { body, headers } = await answer;
      assert.deepEqual([body, headers.get("connection")], ["late", "close"]);
      socket.resume();
      await waitFor(() => (isClosed(socket) ? true : undefined), soon());
    });

    test("a request that does not end is cut after the drain time", async () => {
      const held = await slowApp();
      const running = await start();
      const socket = await open();
      socket.write(get);
      await waitFor(() => held[0], soon());
      send(running, undefined);
      await taken(running);
      assert.equal(isClosed(socket), false);
      clock.advance(45_000);
      await waitFor(() => (isClosed(socket) ? true : undefined), soon());
    });

    test("HTTP/2 without streams ends at once", async () => {
      await mesh.app("10.0.0.1", 8080, hello("v1"));
      const running = await start();
      const socket = await open();
      const session = connectHttp2("http://gateway", { createConnection: () => socket });
      session.on("error", () => {});
      const stream = session.request({ ":path": "/" });
      stream.resume();
      await once(stream, "close", soon());
      const gone = once(session, "close", soon());
      send(running, undefined);
      await gone;
    });

    test("raw TCP is cut after a second", async () => {
      await echo("10.0.0.1");
      const running = await start([tcpChain("app")]);
      const socket = await open();
      assert.equal(await say(socket, "before"), "before");
      send(running, undefined);
      await taken(running);
      assert.equal(await say(socket, "still"), "still");
      clock.advance(1000);
      await waitFor(() => (isClosed(socket) ? true : undefined), soon());
    });

    test("its port serves again when it comes back", async () => {
      await mesh.app("10.0.0.1", 8080, hello("v1"));
      const running = await start();
      send(running, undefined);
      await taken(running);
      send(running, gateway({}).listener[0]);
      const again = async () => (await exchange(await open(), get)).status;
      assert.equal(await waitFor(() => again().catch(() => undefined), soon()), 200);
      const lines = running.proxy.admin("/stats", new URLSearchParams({ filter: "cx_total" }), "GET").body;
      assert.equal(lines.match(/^listener\.0\.0\.0\.0_80\./gm)?.length, 1);
    });
  });
});
