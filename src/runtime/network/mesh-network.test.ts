import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { connect as netConnect, type Socket } from "node:net";
import { afterEach, suite, test } from "vitest";
import { silentLogger, systemClock } from "../../base/index.ts";
import type { Destination, Interceptor, PodNetwork } from "../contracts.ts";
import { answersOf } from "../test-support/answers-of.ts";
import { claimBlock } from "../test-support/claim-block.ts";
import { createMeshNetwork, type MeshNetwork, type MeshNetworkOptions } from "./mesh-network.ts";

const curl = ["/usr/bin/curl", "/usr/local/bin/curl", "/bin/curl"].find((path) => existsSync(path));
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function freeBlocks(count: number): Promise<number[]> {
  const blocks: number[] = [];
  while (blocks.length < count) blocks.push(await freeBlock());
  return blocks;
}

async function freeBlock(): Promise<number> {
  const { block, release } = await claimBlock();
  cleanUps.push(release);
  return block;
}

interface Setup {
  readonly mesh: MeshNetwork;
  readonly blocks: readonly number[];
  readonly warnings: string[];
}

async function setUp(
  networks: readonly (string | undefined)[],
  options: Partial<MeshNetworkOptions> & { readonly names?: Readonly<Record<string, string>> } = {},
): Promise<Setup> {
  const blocks = await freeBlocks(networks.length);
  const warnings: string[] = [];
  const mesh = createMeshNetwork({
    clock: systemClock,
    log: silentLogger,
    connectTimeoutMs: 60,
    warn: (message) => warnings.push(message),
    clusters: networks.map((network, i) => ({
      name: `c${i}`,
      block: blocks[i] ?? 0,
      network,
      answer: answersOf((name) => [options.names?.[name] ?? []].flat()),
    })),
    ...options,
  });
  cleanUps.push(() => mesh.stop());
  return { mesh, blocks, warnings };
}

async function pod(mesh: MeshNetwork, cluster: string, name: string, annotations = {}): Promise<PodNetwork> {
  return (await mesh.attachPod({ cluster, namespace: "sample", name, annotations })).network;
}

/** An app that answers every HTTP request with what it saw of it. */
async function startApp(network: PodNetwork, port: number): Promise<Server> {
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const source = request.socket.remoteAddress;
      const body = Buffer.concat(chunks).toString();
      response.end(
        JSON.stringify({
          method: request.method,
          url: request.url,
          host: request.headers.host,
          source,
          body,
        }),
      );
    });
  });
  const place = network.appAddress(port);
  await new Promise<void>((resolve) => server.listen(place.port, place.address, resolve));
  await network.exposeAppPort(port);
  cleanUps.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return server;
}

function outcome(socket: Socket): Promise<string> {
  cleanUps.push(() => socket.destroy());
  return new Promise((resolve) => {
    socket.once("connect", () => resolve("connected"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ out: string; code: number }> {
  return new Promise((resolve) => {
    execFile(
      curl ?? "curl",
      args,
      { env: { ...process.env, ...env }, timeout: 10_000 },
      (error, out, err) => {
        resolve({ out: out + err, code: typeof error?.code === "number" ? error.code : 0 });
      },
    );
  });
}

/** A sidecar that joins connections to `to`, and remembers what it was given. */
function recordingSidecar(network: PodNetwork, to?: Destination): Interceptor & { readonly seen: string[] } {
  const seen: string[] = [];
  const lead =
    (label: string, fallback: (original: Destination) => Destination) =>
    (socket: Socket, original: Destination) => {
      seen.push(`${label} ${original.address}:${original.port}`);
      const upstream = network.dial(fallback(original));
      socket.allowHalfOpen = true;
      upstream.allowHalfOpen = true;
      socket.on("error", () => upstream.destroy());
      upstream.on("error", () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    };
  return {
    seen,
    acceptOutbound: lead("out", (original) => to ?? original),
    acceptInbound: lead("in", (original) => original),
  };
}

suite("createMeshNetwork()", () => {
  test("pods get addresses in order, and the wanted one when it is free", async () => {
    const { mesh, blocks } = await setUp(["n1"]);
    const first = await pod(mesh, "c0", "a");
    assert.equal(first.address, `127.${blocks[0]}.0.2`);
    const wanted = await mesh.attachPod({
      cluster: "c0",
      namespace: "x",
      name: "b",
      address: `127.${blocks[0]}.3.7`,
    });
    assert.equal(wanted.network.address, `127.${blocks[0]}.3.7`);
    const taken = await mesh.attachPod({
      cluster: "c0",
      namespace: "x",
      name: "c",
      address: `127.${blocks[0]}.3.7`,
    });
    assert.equal(taken.network.address, `127.${blocks[0]}.0.3`);
    await wanted.release();
    assert.equal(mesh.podAt(`127.${blocks[0]}.3.7`), undefined);
    const again = await mesh.attachPod({
      cluster: "c0",
      namespace: "x",
      name: "d",
      address: `127.${blocks[0]}.3.7`,
    });
    assert.equal(again.network.address, `127.${blocks[0]}.3.7`);
    assert.equal(mesh.podAt(again.network.address)?.name, "d");
  });

  const reach = [
    { networks: ["n1", "n1"], outcome: "connected", because: "same network" },
    { networks: ["n1", "n2"], outcome: "ETIMEDOUT", because: "different networks" },
    { networks: ["n1", undefined], outcome: "connected", because: "one of them has no network" },
  ];
  for (const { networks, outcome: expected, because } of reach) {
    test(`a pod that dials a pod of another cluster: ${expected}, ${because}`, async () => {
      const { mesh } = await setUp(networks);
      const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
      await b.listen(8080, (socket) => socket.end());
      const socket = a.dial({ address: b.address, port: 8080 });
      assert.equal(socket.connecting, true);
      assert.equal(await outcome(socket), expected);
    });
  }

  test("whoever connects past dial() from another network's address is held and then reset", async () => {
    const { mesh } = await setUp(["n1", "n2"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
    let accepted = 0;
    await b.listen(8080, () => accepted++);
    const socket = netConnect({ host: b.address, port: 8080, localAddress: a.address });
    assert.equal(await outcome(socket), "connected");
    assert.equal(await outcome(socket), "ECONNRESET");
    assert.equal(accepted, 0);
  });

  test("a dial that is given up before it fails stays silent", async () => {
    const { mesh } = await setUp(["n1", "n2"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
    const socket = a.dial({ address: b.address, port: 1 });
    const errors: Error[] = [];
    socket.on("error", (error) => errors.push(error));
    socket.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    assert.deepEqual(errors, []);
  });

  test("load balancers cross networks and hide the caller, ClusterIPs stay at home", async () => {
    const { mesh, blocks } = await setUp(["n1", "n2"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
    const sources: string[] = [];
    await b.listen(8080, (socket) => {
      sources.push(socket.remoteAddress ?? "");
      socket.end();
    });
    const frontend = { cluster: "c1", keepsSource: false, pick: () => ({ address: b.address, port: 8080 }) };
    await mesh.bindFrontend(`127.${blocks[1]}.255.2`, 15443, frontend);
    await mesh.bindFrontend(`127.${blocks[1]}.128.1`, 15443, frontend);
    assert.equal(await outcome(a.dial({ address: `127.${blocks[1]}.255.2`, port: 15443 })), "connected");
    assert.equal(await outcome(a.dial({ address: `127.${blocks[1]}.128.1`, port: 15443 })), "ETIMEDOUT");
    assert.equal(await outcome(netConnect(15443, `127.${blocks[1]}.255.2`)), "connected");
    assert.equal(await outcome(b.dial({ address: `127.${blocks[1]}.128.1`, port: 15443 })), "connected");
    await assert.doesNotReject(async () => {
      while (sources.length < 3) await new Promise((resolve) => setImmediate(resolve));
    });
    assert.deepEqual(
      sources.toSorted(),
      [b.address, `127.${blocks[1]}.254.1`, `127.${blocks[1]}.254.1`].toSorted(),
    );
  });

  test("a Service whose endpoint is another cluster's load balancer leads through to its pod", async () => {
    const { mesh, blocks } = await setUp(["n1", "n2"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
    await b.listen(15012, (socket) => {
      socket.on("error", () => {}); // The link is cut while it closes.
      socket.end(String(socket.remoteAddress));
    });
    const [vip, lb] = [`127.${blocks[0]}.128.3`, `127.${blocks[1]}.255.2`];
    await mesh.bindFrontend(vip, 15012, {
      cluster: "c0",
      keepsSource: true,
      pick: () => ({ address: lb, port: 15012 }),
    });
    await mesh.bindFrontend(lb, 15012, {
      cluster: "c1",
      keepsSource: false,
      pick: () => ({ address: b.address, port: 15012 }),
    });
    for (const socket of [a.dial({ address: vip, port: 15012 }), netConnect(15012, vip)]) {
      let text = "";
      for await (const chunk of socket) text += chunk;
      assert.equal(text, `127.${blocks[1]}.254.1`);
    }
    mesh.cutLink("n1", "n2");
    assert.equal(await outcome(a.dial({ address: vip, port: 15012 })), "ETIMEDOUT");
    assert.equal(await outcome(mesh.dialFromNode("c0", { address: vip, port: 15012 })), "ETIMEDOUT");
  });

  test("a Service that leads back to itself times out", async () => {
    const { mesh, blocks } = await setUp(["n1"]);
    const a = await pod(mesh, "c0", "a");
    const vip = { address: `127.${blocks[0]}.128.3`, port: 80 };
    await mesh.bindFrontend(vip.address, vip.port, { cluster: "c0", keepsSource: true, pick: () => vip });
    assert.equal(await outcome(a.dial(vip)), "ETIMEDOUT");
  });

  test("a cut link resets what crosses it and times out what is new, until it is healed", async () => {
    const { mesh } = await setUp(["n1", "n1"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
    await b.listen(8080, (socket) => socket.on("error", () => {}));
    const running = a.dial({ address: b.address, port: 8080 });
    assert.equal(await outcome(running), "connected");
    const closed = new Promise((resolve) => running.once("close", resolve));
    mesh.cutLink("c0", "c1");
    await closed;
    assert.equal(await outcome(a.dial({ address: b.address, port: 8080 })), "ETIMEDOUT");
    mesh.healLink("c0", "c1");
    assert.equal(await outcome(a.dial({ address: b.address, port: 8080 })), "connected");
  });

  test("a slow link delays connecting and every byte, and refuses as the far end does", async () => {
    const { mesh } = await setUp(["n1", "n1"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c1", "b")];
    await b.listen(8080, (socket) => socket.pipe(socket));
    await mesh.delayLink("c0", "c1", 20);
    const start = performance.now();
    const socket = a.dial({ address: b.address, port: 8080 });
    socket.end("ping");
    const chunks: string[] = [];
    for await (const chunk of socket) chunks.push(String(chunk));
    assert.equal(chunks.join(""), "ping");
    assert.ok(performance.now() - start >= 75, "connecting takes two delays, there and back one each");
    assert.equal(await outcome(a.dial({ address: b.address, port: 9 })), "ECONNREFUSED");
  });

  test("a port under 1024 that may not be bound moves, and dial() knows where to", async () => {
    const { mesh, warnings } = await setUp(["n1"], { lowestPort: 1024 });
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c0", "b")];
    await b.listen(80, (socket) => socket.end());
    await b.listen(443, (socket) => socket.end());
    assert.equal(mesh.realPort(b.address, 80), 10080);
    assert.equal(await outcome(a.dial({ address: b.address, port: 80 })), "connected");
    assert.equal(b.appAddress(81).port, 10081);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /net\.ipv4\.ip_unprivileged_port_start/);
  });

  test("a pod's own address and localhost lead to its app, as if from 127.0.0.6", async () => {
    const { mesh } = await setUp(["n1"]);
    const a = await pod(mesh, "c0", "a");
    await startApp(a, 8080);
    for (const address of [a.address, "127.0.0.1"]) {
      const socket = a.dial({ address, port: 8080 });
      socket.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      let text = "";
      for await (const chunk of socket) text += chunk;
      assert.match(text, /"source":"127\.0\.0\.6"/);
    }
  });

  test("the sidecar gets what comes in from others, but not what its own proxy sends to the app", async () => {
    const { mesh } = await setUp(["n1"]);
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c0", "b")];
    await startApp(b, 8080);
    const sidecar = recordingSidecar(b);
    b.intercept(sidecar);
    const seen: string[] = [];
    for (const localAddress of [a.address, "127.0.0.6"]) {
      const socket = netConnect({ host: b.address, port: 8080, localAddress });
      socket.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      let text = "";
      for await (const chunk of socket) text += chunk;
      seen.push(/"source":"([^"]+)"/.exec(text)?.[1] ?? "");
    }
    assert.deepEqual(seen, ["127.0.0.6", "127.0.0.6"]);
    assert.deepEqual(sidecar.seen, [`in ${b.address}:8080`]);
  });

  test("the app's questions go to the sidecar first, name by name of the search path, then to the cluster", async () => {
    const { mesh } = await setUp(["n1"], {
      names: { "web.sample.svc.cluster.local": "127.9.9.1", "api.example.com": "192.0.2.1" },
    });
    const a = await pod(mesh, "c0", "a");
    const asked: string[] = [];
    const captured: Record<string, string> = { "api.example.com": "240.240.0.1" };
    a.intercept({
      ...recordingSidecar(a, { address: a.address, port: 1 }),
      answer({ name }) {
        asked.push(name);
        const address = captured[name];
        return address === undefined ? undefined : { exists: true, records: [{ name, type: "A", address }] };
      },
    });
    assert.deepEqual(await a.lookup("web"), ["127.9.9.1"]);
    assert.deepEqual(asked.splice(0), ["web.sample.svc.cluster.local"]);
    assert.deepEqual(await a.lookup("api.example.com"), ["240.240.0.1"]);
    assert.deepEqual(asked.splice(0), [
      "api.example.com.sample.svc.cluster.local",
      "api.example.com.svc.cluster.local",
      "api.example.com.cluster.local",
      "api.example.com",
    ]);
    assert.deepEqual(await a.resolve("api.example.com"), ["192.0.2.1"]);
    assert.deepEqual(asked, []);
    assert.deepEqual((await a.answer({ name: "api.example.com", type: 1 })).records, [
      { name: "api.example.com", type: "A", address: "240.240.0.1" },
    ]);
  });

  test("connect() resolves in the pod and goes through the sidecar without the kernel", async () => {
    const { mesh, blocks } = await setUp(["n1"], { names: {} });
    const [a, b] = [await pod(mesh, "c0", "a"), await pod(mesh, "c0", "b")];
    await startApp(b, 8080);
    const vip = `127.${blocks[0]}.128.9`;
    const sidecar = recordingSidecar(a, { address: b.address, port: 8080 });
    a.intercept({
      ...sidecar,
      answer: ({ name }) =>
        name === "hello.global" ? { exists: true, records: [{ name, type: "A", address: vip }] } : undefined,
    });
    const socket = await a.connect("hello.global", 80);
    socket.end("GET /x HTTP/1.1\r\nHost: hello.global\r\nConnection: close\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += chunk;
    assert.match(text, /"url":"\/x"/);
    assert.deepEqual(sidecar.seen, [`out ${vip}:80`]);
    await assert.rejects(a.connect("nowhere.example", 80), { code: "ENOTFOUND" });
  });
});

suite("the dispatcher, with real curl", { skip: curl === undefined }, () => {
  const scene = async (options: {
    readonly intercepted: boolean;
    readonly annotations?: Record<string, string>;
  }) => {
    const names: Record<string, string> = {};
    const { mesh } = await setUp(["n1"], { names });
    const a = await pod(mesh, "c0", "a", options.annotations);
    const b = await pod(mesh, "c0", "b");
    const c = await pod(mesh, "c0", "c");
    await startApp(b, 8080);
    await startApp(c, 8080);
    names["hello.sample"] = b.address;
    names["other.sample"] = c.address;
    const sidecar = recordingSidecar(a);
    if (options.intercepted) a.intercept(sidecar);
    return { a, b, c, sidecar, env: a.environment };
  };

  for (const intercepted of [true, false]) {
    const label = intercepted ? "through the sidecar" : "without a sidecar";
    test(`http_proxy, ${label}: origin form, Host as sent, several hosts and a body on one connection`, async () => {
      const { b, c, env, sidecar } = await scene({ intercepted });
      const { out, code } = await run(
        [
          "-sS",
          "-w",
          "\\n",
          "http://hello.sample:8080/a?b=c",
          "--next",
          "-sS",
          "-w",
          "\\n",
          "-d",
          "x".repeat(100_000),
          "-H",
          "Host: else",
          "http://other.sample:8080/d",
          "--next",
          "-sS",
          "-w",
          "\\n",
          "http://hello.sample:8080",
        ],
        env,
      );
      assert.equal(code, 0, out);
      const answers = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        answers.map(({ method, url, host, body }) => `${method} ${url} ${host} ${body.length}`),
        ["GET /a?b=c hello.sample:8080 0", "POST /d else 100000", "GET / hello.sample:8080 0"],
      );
      assert.deepEqual(
        sidecar.seen,
        intercepted ? [`out ${b.address}:8080`, `out ${c.address}:8080`, `out ${b.address}:8080`] : [],
      );
    });

    test(`socks5h and CONNECT, ${label}`, async () => {
      const { b, env, sidecar } = await scene({ intercepted });
      const proxy = env["http_proxy"] ?? "";
      const socks = await run(["-sS", "-x", proxy.replace("http", "socks5h"), "http://hello.sample:8080/s"]);
      assert.match(socks.out, /"url":"\/s"/);
      const connect = await run(["-sS", "-p", "-x", proxy, "http://hello.sample:8080/t"]);
      assert.match(connect.out, /"url":"\/t"/);
      assert.deepEqual(sidecar.seen, intercepted ? [`out ${b.address}:8080`, `out ${b.address}:8080`] : []);
    });
  }

  test("excluded ports go past the sidecar", async () => {
    const { env, sidecar } = await scene({
      intercepted: true,
      annotations: { "traffic.sidecar.istio.io/excludeOutboundPorts": "8080" },
    });
    const { out } = await run(["-sS", "http://hello.sample:8080/s"], env);
    assert.match(out, /"url":"\/s"/);
    assert.deepEqual(sidecar.seen, []);
  });

  test("localhost means the pod", async () => {
    const { env, b } = await scene({ intercepted: true });
    const { out } = await run(["-sS", "http://localhost:8080/s"], b.environment);
    assert.match(out, /"source":"127\.0\.0\.6"/);
    const refused = await run(["-sS", "http://localhost:9/s"], env);
    assert.match(refused.out, /failed to connect to localhost port 9 \(127\.0\.0\.1\): connection refused/);
  });

  const failures = [
    { args: ["http://nowhere.sample:8080/"], out: /^could not resolve host: nowhere\.sample$/m, code: 0 },
    { args: ["-f", "http://nowhere.sample:8080/"], out: /502/, code: 22 },
    { args: ["-p", "http://nowhere.sample:8080/"], out: /502/, code: 56 },
    { args: ["http://hello.sample:9/"], out: /failed to connect to hello\.sample port 9 .*refused/, code: 0 },
  ];
  for (const { args, out: expected, code: expectedCode } of failures) {
    test(`curl ${args.join(" ")} exits with ${expectedCode} and says ${expected.source}`, async () => {
      const { env } = await scene({ intercepted: false });
      const { out, code } = await run(["-sS", ...args], env);
      assert.match(out, expected);
      assert.equal(code, expectedCode);
    });
  }
});
