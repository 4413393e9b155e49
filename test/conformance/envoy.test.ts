import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import path from "node:path";
import { connect as connectTls } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../../src/base/index.ts";
import type { PodNetwork } from "../../src/runtime/index.ts";
import { ListenerSchema } from "../../src/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { typeUrls } from "../../src/xds/index.ts";
import { findEnvoy } from "../support/tools.ts";
import { type EnvoyPod, type EnvoyScene, openEnvoyScene } from "./support/envoy-scene.ts";

const scenes = path.join(import.meta.dirname, "../golden/scenes");
const binary = findEnvoy() ?? "";
let scene: EnvoyScene | undefined;
afterEach(async () => {
  await scene?.stop();
  scene = undefined;
});

async function open(name: string, options?: Parameters<typeof openEnvoyScene>[2]): Promise<EnvoyScene> {
  scene = await openEnvoyScene(name, binary, options);
  return scene;
}

const soon = () => AbortSignal.timeout(30_000);

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Asks as the pod's app does, on a connection that the pod's interception leads. */
async function get(
  from: PodNetwork,
  to: { readonly address: string; readonly port: number },
  options: { readonly host: string; readonly path?: string; readonly method?: string },
): Promise<HttpAnswer> {
  const socket: Socket = await from.connect(to.address, to.port);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      path: options.path ?? "/hello",
      method: options.method ?? "GET",
      headers: { host: options.host, connection: "close" },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.end();
  });
}

/** All that a connection gives until it ends, after `text` was sent on it. */
function talk(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", (reason: NodeJS.ErrnoException) => resolve(reason.code ?? reason.message));
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

function refusals(...pods: readonly EnvoyPod[]): string[] {
  return pods.flatMap(({ envoy }) =>
    [...envoy.state.types.values()].flatMap(({ rejected }) => rejected ?? []),
  );
}

const version = (name: string) => (_: unknown, response: { end(text: string): void }) => response.end(name);

suite.skipIf(binary === "")("real Envoy on our discovery [needs envoy]", () => {
  for (const name of readdirSync(scenes).sort()) {
    test(`${name}: every proxy takes all that discovery gives stock Envoy`, async () => {
      const { start } = await open(name);
      for (const file of readdirSync(path.join(scenes, name, "nodes"))) {
        const pod = await start(file.replace(/\.json$/, ""));
        assert.deepEqual(refusals(pod), [], file);
        assert.ok(pod.envoy.nameTable);
        await pod.envoy.stop(0);
      }
    });
  }

  test("a sidecar answers another's request with mTLS", async () => {
    const { start, here } = await open("a-cluster-local");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    await server.app(5000, (incoming, response) =>
      response.end(`v1 ${incoming.headers["x-forwarded-client-cert"]}`),
    );
    const to = { address: here("10.1.0.10"), port: 5000 };
    const answer = await get(client.network, to, { host: "helloworld:5000" });
    assert.equal(answer.status, 200, [...client.lines, ...server.lines].join("\n"));
    assert.match(answer.body, /^v1 .*URI=spiffe:\/\/cluster\.local\/ns\/sample\/sa\/sleep/);
  });

  test("requests are shared with the other network, by its AUTO_PASSTHROUGH gateway", async () => {
    const { start, here, balance } = await open("a-multinetwork");
    await balance(2);
    const client = await start("sleep-cluster1");
    const near = await start("helloworld-cluster1");
    const gateway = await start("eastwest-cluster2");
    const far = await start("helloworld-cluster2");
    await near.app(5000, version("v1"));
    await far.app(5000, version("v2"));
    const answers: string[] = [];
    for (let i = 0; i < 40; i++) {
      const to = { address: here("10.1.0.10"), port: 5000 };
      const { status, body } = await get(client.network, to, { host: "helloworld.sample:5000" });
      assert.equal(status, 200, body);
      answers.push(body);
    }
    const count = (body: string) => answers.filter((one) => one === body).length;
    assert.equal(count("v1") + count("v2"), 40);
    assert.ok(count("v1") > 5 && count("v2") > 5, `${count("v1")} and ${count("v2")}`);
    assert.deepEqual(refusals(client, near, gateway, far), []);
  });

  test("the gateway refuses TLS for a name that no service has, and plain text", async () => {
    const { start, here } = await open("a-multinetwork");
    const [gateway, client] = [await start("eastwest-cluster2"), await start("helloworld-cluster2")];
    const to = { address: here("10.20.1.2"), port: 15443 };
    assert.match(await talk(client.network.dial(to), "GET / HTTP/1.1\r\n\r\n"), /^$|ECONNRESET/);
    const handshake = connectTls({ socket: client.network.dial(to), servername: "example.com" });
    assert.match(await talk(handshake, "hello"), /^$|ECONNRESET/);
    assert.deepEqual(refusals(gateway), []);
  });

  test("TCP is carried over mTLS, both ways, until both sides have ended", async () => {
    const { start, here, balance } = await open("a-tcp");
    await balance(2);
    const client = await start("sleep-cluster1");
    await start("eastwest-cluster2");
    for (const server of [await start("helloworld-cluster1"), await start("helloworld-cluster2")]) {
      await server.tcpApp(5000, (socket) => {
        socket.on("error", () => {});
        socket.on("data", (chunk) => socket.end(`echo ${chunk}`));
      });
    }
    const socket = await client.network.connect(here("10.1.0.10"), 5000);
    assert.equal(await talk(socket, "hello"), "echo hello");
    const { body } = await client.envoy.admin(
      "/stats",
      new URLSearchParams({ filter: "outbound.5000.*ssl.handshake" }),
      "GET",
    );
    assert.match(body, /ssl\.handshake: 1/);
  });

  test("an AuthorizationPolicy lets in whom it names, with the path and method that it names", async () => {
    const { start, here } = await open("e-authz-allow");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    await server.app(5000, version("v1"));
    const to = { address: here("10.1.0.10"), port: 5000 };
    const host = "helloworld:5000";
    assert.equal((await get(client.network, to, { host })).status, 200);
    assert.equal((await get(client.network, to, { host, path: "/other" })).status, 403);
    assert.equal((await get(client.network, to, { host, method: "POST" })).status, 403);
  });

  const modes = [
    { scene: "e-peerauth-permissive", answers: /^HTTP\/1\.1 200/, because: "PERMISSIVE" },
    { scene: "e-peerauth-strict", answers: /^$|ECONNRESET/, because: "STRICT" },
  ];
  for (const { scene: name, answers, because } of modes) {
    test(`plain text from a pod without a sidecar is ${because === "STRICT" ? "refused" : "let in"}: ${because}`, async () => {
      const { start, here, attach } = await open(name);
      const server = await start("helloworld-cluster1");
      await server.app(5000, version("v1"));
      const stranger = await attach("cluster1", "10.10.1.99");
      const socket = stranger.dial({ address: here("10.10.1.10"), port: 5000 });
      const said = await talk(socket, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      assert.match(said, answers);
    });
  }

  test("what the mesh does not know is passed on to where it was going, and let in where no Service is", async () => {
    const { start, here } = await open("a-multinetwork");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    await server.app(7000, version("passed"));
    const { status, body } = await get(
      client.network,
      { address: here("10.10.1.10"), port: 7000 },
      { host: "x" },
    );
    assert.deepEqual({ status, body }, { status: 200, body: "passed" });
  });

  test("a pod of another network is not reached, whatever Envoy dials", async () => {
    const { start, here, attach } = await open("a-multinetwork");
    const client = await start("sleep-cluster1");
    const far = await attach("cluster2", "10.20.1.99");
    await far.listen(7000, (socket) => socket.end("reached"));
    const socket = await client.network.connect(here("10.20.1.99"), 7000);
    assert.match(await talk(socket, "hello"), /^$|ECONNRESET/);
  });

  test("endpoints that are host names are looked up and dialled by the agent, with the mesh's TLS inside", async () => {
    const names = { "gw.cluster2.example.com": "172.18.2.1" };
    const { start, here, attach, mesh } = await open("c-global-dns-name", { names });
    const client = await start("greeter-cluster1");
    const receiver = await attach("cluster2", "10.20.1.50");
    const greeted = new Promise<string>((resolve) => {
      void receiver.listen(15443, (socket) => {
        socket.once("data", (hello) => {
          resolve(hello.toString("latin1"));
          socket.destroy();
        });
      });
    });
    const pod = { address: receiver.address, port: 15443 };
    const frontend = { cluster: "cluster2", keepsSource: false, pick: () => pod };
    await mesh.bindFrontend(here("172.18.2.1"), 15443, frontend);
    const host = "messenger.default.global:3000";
    void get(client.network, { address: "127.127.42.69", port: 3000 }, { host }).catch(() => {});
    assert.match(await greeted, /outbound_\.3000_\._\.messenger\.default\.global/);
    const { body } = await client.envoy.admin("/clusters", new URLSearchParams(), "GET");
    assert.match(body, /outbound\|3000\|\|messenger\.default\.global::gw\.cluster2\.example\.com:15443::/);
  });

  test("ports that this user may not bind are found where they moved, on both sides", async () => {
    const { start, here, balance } = await open("a-multinetwork", { lowestPort: 20_000 });
    await balance(2);
    const client = await start("sleep-cluster1");
    const gateway = await start("eastwest-cluster2");
    const far = await start("helloworld-cluster2");
    await far.app(5000, version("v2"));
    const to = { address: here("10.1.0.10"), port: 5000 };
    const { status, body } = await get(client.network, to, { host: "helloworld.sample:5000" });
    assert.deepEqual({ status, body }, { status: 200, body: "v2" });
    assert.deepEqual(refusals(client, gateway, far), []);
    const dump = await client.envoy.admin("/clusters", new URLSearchParams(), "GET");
    assert.match(dump.body, new RegExp(`::${here("172.18.2.1")}:15443::`));
  });

  test("a renewed certificate is taken without a restart", async () => {
    const { start } = await open("a-cluster-local");
    const pod = await start("sleep-cluster1");
    const expiry = async () => {
      const { body } = await pod.envoy.admin("/certs", new URLSearchParams(), "GET");
      return /"serial_number": "([^"]+)"/.exec(body.slice(body.indexOf('"cert_chain"')))?.[1];
    };
    const before = await waitFor(expiry, { signal: soon() });
    const pid = pod.envoy.pid;
    const { makeRoot, makeSecrets } = await import("../../src/proxy/testing/world.ts");
    const other = makeSecrets(makeRoot("another root"), "spiffe://cluster.local/ns/sample/sa/sleep");
    pod.secrets.put("default", other.get("default"));
    await waitFor(async () => ((await expiry()) !== before ? true : undefined), { signal: soon() });
    assert.equal(pod.envoy.pid, pid);
  });

  test("discovery may go: Envoy serves on, and takes what has changed when it is back", async () => {
    const { start, here } = await open("a-cluster-local");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    await server.app(5000, version("v1"));
    client.discovery.disconnect(true);
    await waitFor(() => (client.envoy.state.connected ? undefined : true), { signal: soon() });
    const to = { address: here("10.1.0.10"), port: 5000 };
    assert.equal((await get(client.network, to, { host: "helloworld:5000" })).status, 200);
    client.discovery.set(typeUrls.cluster, "outbound|5000||helloworld.sample.svc.cluster.local", undefined);
    client.discovery.disconnect(false);
    await waitFor(() => (client.envoy.state.connected ? true : undefined), { signal: soon() });
    const gone = async () =>
      (await get(client.network, to, { host: "helloworld:5000" })).status === 503 ? true : undefined;
    await waitFor(gone, { signal: soon() });
  });

  test("what Envoy refuses is told, and what it had before goes on", async () => {
    const { start, here } = await open("a-cluster-local");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    await server.app(5000, version("v1"));
    const broken = toBinary(ListenerSchema, create(ListenerSchema, { name: "0.0.0.0_5000" }));
    client.discovery.set(typeUrls.listener, "0.0.0.0_5000", broken);
    const [text = ""] = await waitFor(() => (refusals(client).length > 0 ? refusals(client) : undefined), {
      signal: soon(),
    });
    assert.match(text, /0\.0\.0\.0_5000/);
    assert.ok(client.discovery.requests.some(({ errorDetail }) => errorDetail !== undefined));
    const to = { address: here("10.1.0.10"), port: 5000 };
    assert.equal((await get(client.network, to, { host: "helloworld:5000" })).status, 200);
  });

  test("a gateway's port opens and closes with its listener", async () => {
    const { start, here } = await open("a-multinetwork");
    const [gateway, client] = [await start("eastwest-cluster2"), await start("helloworld-cluster2")];
    const to = { address: here("10.20.1.2"), port: 15443 };
    const reach = async () => talk(client.network.dial(to), "x\r\n\r\n");
    const [[name, bytes] = ["", new Uint8Array()]] = [...gateway.listeners];
    assert.notEqual(await reach(), "ECONNREFUSED");
    gateway.discovery.set(typeUrls.listener, name, undefined);
    await waitFor(async () => ((await reach()) === "ECONNREFUSED" ? true : undefined), { signal: soon() });
    gateway.discovery.set(typeUrls.listener, name, bytes);
    await waitFor(async () => ((await reach()) === "ECONNREFUSED" ? undefined : true), { signal: soon() });
  });

  test("running requests end before Envoy does", async () => {
    const { start, here } = await open("a-cluster-local");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    let answer = () => {};
    const arrived = new Promise<void>((resolve) => {
      void server.app(5000, (_, response) => {
        answer = () => response.end("late");
        resolve();
      });
    });
    const to = { address: here("10.1.0.10"), port: 5000 };
    const running = get(client.network, to, { host: "helloworld:5000" });
    await arrived;
    const stopped = client.envoy.stop(10_000);
    answer();
    assert.equal((await running).body, "late");
    await stopped;
    assert.equal(client.envoy.pid, undefined);
  });

  test("an Envoy that dies is not ready any more and says how it ended", async () => {
    const { start } = await open("a-cluster-local");
    const { envoy } = await start("sleep-cluster1");
    process.kill(envoy.pid ?? 0, "SIGKILL");
    assert.deepEqual(await envoy.exited, { exitCode: 137, signal: "SIGKILL" });
    assert.equal(envoy.state.ready, false);
  });
});
