import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { typeUrls } from "../xds/index.ts";
import { cluster, gateway, type } from "./testing/gateway.ts";
import { encodeResource, readGolden } from "./testing/golden.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, hello, pod, service, setEndpoints, type TestMesh } from "./testing/mesh.ts";
import { createMovingClock, type MovingClock } from "./testing/moving-clock.ts";
import type { RunningProxy } from "./testing/world.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const soon = () => ({ signal: AbortSignal.timeout(30_000), every: 5 });

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

  /** A gateway with this listener on port 80. */
  async function start(listener = gateway({}).listener[0]): Promise<RunningProxy> {
    const config = gateway({
      routes: [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s" } }],
    });
    config.listener = listener === undefined ? [] : [listener];
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
      const running = await start({
        ...(gateway({}).listener[0] as JsonObject),
        filterChains: [tcpChain("app")],
      });
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

  suite("when filter chains change", () => {
    const http = (change: JsonObject = {}): JsonObject => ({
      ...((gateway({ hcm: change }).listener[0] as JsonObject)["filterChains"] as JsonObject[])[0],
      filterChainMatch: { applicationProtocols: ["http/1.1"] },
    });
    /** HTTP/1 goes to one chain, everything else to another. */
    const listener = (...filterChains: JsonObject[]): JsonObject => ({
      ...(gateway({}).listener[0] as JsonObject),
      listenerFilters: [
        {
          name: "envoy.filters.listener.http_inspector",
          typedConfig: { "@type": type("filters.listener.http_inspector.v3.HttpInspector") },
        },
      ],
      filterChains,
    });

    async function begin() {
      await mesh.app("10.0.0.1", 8080, hello("v1"));
      await echo("10.0.0.2");
      const running = await start(listener(http(), tcpChain("other")));
      const web = await open();
      assert.equal((await exchange(web, get)).status, 200);
      web.resume();
      const raw = await open();
      // No method of HTTP begins like this, so that nobody waits for more.
      assert.equal(await say(raw, "\0before"), "\0before");
      return { running, web, raw };
    }

    test("HTTP on a chain that did not change goes on and takes new routes", async () => {
      const { running, web, raw } = await begin();
      send(running, listener(tcpChain("app"), http()));
      await taken(running);
      running.discovery.set(
        typeUrls.route,
        "http.80",
        encodeResource("route", {
          name: "http.80",
          virtualHosts: [
            {
              name: "all",
              domains: ["*"],
              routes: [{ match: { prefix: "/" }, directResponse: { status: 201 } }],
            },
          ],
        }),
      );
      await taken(running);
      clock.advance(45_000);
      const { status, headers } = await exchange(web, get);
      assert.deepEqual([status, headers.get("connection")], [201, undefined]);
      await waitFor(() => (isClosed(raw) ? true : undefined), soon());
    });

    test("raw TCP on a chain that did not change goes on", async () => {
      const { running, web, raw } = await begin();
      send(running, listener(http({ serverName: "new" }), tcpChain("other")));
      await taken(running);
      clock.advance(45_000);
      assert.equal(await say(raw, "after"), "after");
      await waitFor(() => (isClosed(web) ? true : undefined), soon());
    });

    test("HTTP on a changed chain is told with the next answer", async () => {
      const { running, web } = await begin();
      send(running, listener(http({ serverName: "new" }), tcpChain("other")));
      await taken(running);
      const fresh = await exchange(await open(), get);
      assert.deepEqual([fresh.headers.get("server"), fresh.headers.get("connection")], ["new", undefined]);
      const last = await exchange(web, get);
      assert.deepEqual([last.status, last.headers.get("connection")], [200, "close"]);
    });

    test("a running request of a changed chain is answered", async () => {
      const held = await slowApp();
      const running = await start(listener(http()));
      const web = await open();
      const answer = exchange(web, get);
      const release = await waitFor(() => held[0], soon());
      send(running, listener(http({ serverName: "new" })));
      await taken(running);
      clock.advance(44_000);
      release();
      const { body, headers } = await answer;
      assert.deepEqual([body, headers.get("connection")], ["late", "close"]);
    });

    test("raw TCP of a changed chain has the drain time", async () => {
      const { running, raw } = await begin();
      send(running, listener(http(), tcpChain("app")));
      await taken(running);
      clock.advance(44_000);
      assert.equal(await say(raw, "still"), "still");
      clock.advance(1000);
      await waitFor(() => (isClosed(raw) ? true : undefined), soon());
    });

    test("a removed chain ends as a removed listener does, and no other", async () => {
      const { running, web, raw } = await begin();
      send(running, listener(http()));
      await taken(running);
      assert.equal(await say(raw, "still"), "still");
      clock.advance(1000);
      await waitFor(() => (isClosed(raw) ? true : undefined), soon());
      clock.advance(45_000);
      assert.equal((await exchange(web, get)).headers.get("connection"), undefined);
      web.resume();
      send(running, listener({ ...tcpChain("other"), filterChainMatch: { transportProtocol: "tls" } }));
      await waitFor(() => (isClosed(web) ? true : undefined), soon());
    });

    test("a connection whose first bytes come after the change gets the new chain", async () => {
      const { running } = await begin();
      const early = await open();
      send(running, listener(http({ serverName: "new" }), tcpChain("other")));
      await taken(running);
      assert.equal((await exchange(early, get)).headers.get("server"), "new");
    });
  });
});

suite("connections across the mesh", () => {
  let mesh: TestMesh;
  let clock: MovingClock;
  beforeEach(() => {
    mesh = createTestMesh();
    clock = createMovingClock();
  });
  afterEach(() => mesh.stop());

  const ask = async (client: Socket) =>
    exchange(client, "GET /hello HTTP/1.1\r\nHost: helloworld.sample:5000\r\n\r\n");
  const nameOf = (listener: JsonValue) => (listener as { name: string }).name;

  test("through a passthrough gateway they live on when another service appears there, and end with it", async () => {
    await mesh.helloworld(hello("v2"));
    const golden = readGolden("a-multinetwork--eastwest-cluster2");
    const gatewayProxy = await mesh.addProxy("gateway", golden, {
      address: "172.18.2.1",
      serviceAccount: "istio-eastwestgateway",
      namespace: "istio-system",
      clock,
    });
    const sleep = await mesh.sleep((own) => setEndpoints(own, [{ address: "172.18.2.1", port: 15443 }]));
    assert.equal((await ask(await sleep.connect(service))).status, 200);

    const listener = golden.listener.find((json) => nameOf(json).includes("15443")) as JsonObject;
    const another = tcpChain("other", { serverNames: ["outbound_.80_._.another.sample.svc.cluster.local"] });
    const { requests } = gatewayProxy.discovery;
    const count = requests.length;
    gatewayProxy.discovery.set(
      typeUrls.listener,
      nameOf(listener),
      encodeResource("listener", {
        ...listener,
        filterChains: [another, ...(listener["filterChains"] as JsonObject[])],
      }),
    );
    await waitFor(() => (requests.length > count ? true : undefined), soon());
    clock.advance(45_000);
    assert.equal((await ask(await sleep.connect(service))).status, 200);
    assert.equal(mesh.dialled.get("172.18.2.1:15443"), 1);

    gatewayProxy.discovery.set(typeUrls.listener, nameOf(listener), undefined);
    await waitFor(() => (requests.length > count + 1 ? true : undefined), soon());
    clock.advance(1000);
    const refused = async () => ((await ask(await sleep.connect(service))).status === 503 ? true : undefined);
    await waitFor(refused, soon());
  });

  test("plain text ends at once when mTLS becomes strict; mTLS goes on", async () => {
    const golden = readGolden("a-multinetwork--helloworld-cluster2");
    const helloworld = await mesh.helloworld(hello("v2"), undefined, { clock });
    const direct = await mesh.open(pod.address, pod.port);
    const plain = await ask(direct);
    assert.equal(plain.status, 200);
    direct.resume();
    const sleep = await mesh.sleep();
    assert.equal((await ask(await sleep.connect(service))).status, 200);
    const dialled = mesh.dialled.get(`${pod.address}:${pod.port}`);

    const listener = golden.listener.find((json) => nameOf(json) === "virtualInbound") as JsonObject;
    helloworld.discovery.set(
      typeUrls.listener,
      "virtualInbound",
      encodeResource("listener", {
        ...listener,
        filterChains: (listener["filterChains"] as JsonObject[]).filter(
          (chain) => "transportSocket" in chain || chain["name"] === "virtualInbound-blackhole",
        ),
      }),
    );
    await waitFor(() => (isClosed(direct) ? true : undefined), soon());
    clock.advance(45_000);
    assert.equal((await ask(await sleep.connect(service))).status, 200);
    assert.equal(mesh.dialled.get(`${pod.address}:${pod.port}`), dialled ?? 0);
  });
});
