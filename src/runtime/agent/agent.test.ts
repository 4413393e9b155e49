import assert from "node:assert/strict";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import { createServer, connect as netConnect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, suite, test } from "vitest";
import { createSignal, silentLogger, systemClock, waitFor } from "../../base/index.ts";
import type { Container, KubeClient, Pod } from "../../kube/index.ts";
import { generateKey, issueCertificate, readCsr, readIssuer } from "../../pki/index.ts";
import { NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from "../../xds/gen/istio/v1/auth/ca_pb.js";
import { type GrpcCall, methods, readUnary, serveGrpc } from "../../xds/index.ts";
import type { ContainerContext, PodNetwork } from "../contracts.ts";
import { createMeshNetwork } from "../network/index.ts";
import { answersOf } from "../test-support/answers-of.ts";
import { claimBlock } from "../test-support/claim-block.ts";
import type { AgentProxy, ProxyStartOptions } from "./contracts.ts";
import { createProxyStandIn } from "./proxy-stand-in.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const signal = () => AbortSignal.timeout(30_000);

function createCa(name: string) {
  const key = generateKey();
  const dates = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const subject = { commonName: name };
  const pem = issueCertificate(
    { publicKey: key.publicKey, subject, ca: {}, ...dates },
    { selfKey: key.privateKey },
  );
  return { pem, issuer: readIssuer(pem, key.privateKeyPem), dates };
}

type Ca = ReturnType<typeof createCa>;

/** An istiod that signs with `ca` and records what it was asked. */
function createIstiod(ca: Ca, lifetimeMs: () => number = () => 3_600_000) {
  const serverKey = generateKey();
  const servedBy = ({ issuer, dates }: Ca) => ({
    key: serverKey.privateKeyPem,
    cert: issueCertificate(
      { publicKey: serverKey.publicKey, dnsNames: ["istiod.istio-system.svc"], ...dates },
      issuer,
    ),
  });
  const calls: { method: string; metadata: GrpcCall["metadata"]; uris?: readonly string[] }[] = [];
  const sessions = new Set<ServerHttp2Session>();
  let signWith = ca;
  const handlers = {
    async [methods.createCertificate](call: GrpcCall) {
      const { csr } = await readUnary(call, IstioCertificateRequestSchema);
      const { publicKey, uris } = readCsr(csr);
      calls.push({ method: "sign", metadata: call.metadata, uris });
      const notAfter = Date.now() + lifetimeMs();
      const leaf = issueCertificate({ publicKey, uris, notBefore: Date.now(), notAfter }, signWith.issuer);
      call.send(
        toBinary(
          IstioCertificateResponseSchema,
          create(IstioCertificateResponseSchema, { certChain: [leaf, signWith.pem] }),
        ),
      );
    },
    async [methods.deltaAggregatedResources](call: GrpcCall) {
      calls.push({ method: "ads", metadata: call.metadata });
      for await (const message of call.messages) call.send(message);
    },
  };
  const http = createSecureServer({ ...servedBy(ca), ALPNProtocols: ["h2"] });
  http.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  http.on("stream", (stream, headers) =>
    serveGrpc(stream, headers, handlers, { address: "", identities: [] }, () => {}),
  );
  cleanUps.push(() => {
    for (const session of sessions) session.destroy();
  });
  return {
    calls,
    signWith: (next: Ca) => {
      signWith = next;
    },
    /** Signs and serves with another CA, and has agents connect anew. */
    become(next: Ca) {
      signWith = next;
      http.setSecureContext(servedBy(next));
      for (const session of sessions) session.goaway();
    },
    onConnection: (socket: Socket) => void http.emit("connection", socket),
    cut() {
      for (const session of sessions) session.destroy();
    },
  };
}

/** A proxy that is configured when the test says so and answers every connection with its destination. */
function createFakeProxy() {
  const changes = createSignal();
  const state = { ready: false, connected: false };
  const drains: number[] = [];
  let crash = (_exit: { exitCode: number; signal: string }) => {};
  let given: ProxyStartOptions | undefined;
  const greet = (label: string) => (socket: Socket, to: { address: string; port: number }) => {
    socket.on("error", () => {});
    socket.end(`${label} ${to.address}:${to.port}`);
  };
  const proxy: AgentProxy = {
    acceptOutbound: greet("out"),
    acceptInbound: greet("in"),
    state,
    changes,
    nameTable: create(NameTableSchema, {
      table: {
        "reviews.bookinfo.global": { ips: ["240.240.0.1", "2001:2::1"], registry: "External" },
        "web.sample.svc.cluster.local": {
          ips: ["127.16.128.9"],
          registry: "Kubernetes",
          shortname: "web",
          namespace: "sample",
        },
      },
    }),
    admin: (path) => ({
      status: path === "/none" ? 404 : 200,
      contentType: "text/plain",
      body: `admin ${path}\n`,
    }),
    exited: new Promise((resolve) => {
      crash = resolve;
    }),
    drain() {},
    stop: async (drainMs) => {
      drains.push(drainMs);
    },
  };
  return {
    drains,
    crash: (exit: { exitCode: number; signal: string }) => crash(exit),
    get given() {
      assert.ok(given);
      return given;
    },
    startProxy: (options: ProxyStartOptions) => {
      given = options;
      return proxy;
    },
    configure() {
      state.ready = true;
      changes.notify();
    },
  };
}

async function freeBlock(): Promise<number> {
  const { block, release } = await claimBlock();
  cleanUps.push(release);
  return block;
}

async function scene(
  options: {
    env?: Record<string, string>;
    args?: string[];
    roots?: () => string | undefined;
    lifetimeMs?: () => number;
  } = {},
) {
  const block = await freeBlock();
  const names = new Map<string, string>();
  const mesh = createMeshNetwork({
    clock: systemClock,
    log: silentLogger,
    connectTimeoutMs: 100,
    clusters: [
      { name: "c1", block, network: "n1", answer: answersOf((name) => [names.get(name) ?? []].flat()) },
    ],
  });
  cleanUps.push(() => mesh.stop());
  const ca = createCa("root 1");
  const istiod = createIstiod(ca, options.lifetimeMs);
  const istiodPod = (await mesh.attachPod({ cluster: "c1", namespace: "istio-system", name: "istiod" }))
    .network;
  const listenIstiod = () => istiodPod.listen(15012, istiod.onConnection);
  const { network } = await mesh.attachPod({ cluster: "c1", namespace: "sample", name: "web-1" });
  const other = (await mesh.attachPod({ cluster: "c1", namespace: "sample", name: "other" })).network;
  names.set("istiod.istio-system.svc", istiodPod.address);

  const container: Container = {
    name: "istio-proxy",
    image: "docker.io/istio/proxyv2:1.31.2",
    args: options.args ?? ["proxy", "sidecar", "--domain", "sample.svc.cluster.local"],
  };
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web-1",
      namespace: "sample",
      labels: { app: "web", "topology.istio.io/network": "n1" },
    },
    spec: { containers: [container], serviceAccountName: "web-account", nodeName: "node-1" },
  };
  const lines: string[] = [];
  const context: ContainerContext = {
    cluster: "c1",
    pod,
    container,
    env: {
      POD_NAME: "web-1",
      POD_NAMESPACE: "sample",
      INSTANCE_IP: network.address,
      SERVICE_ACCOUNT: "web-account",
      ISTIO_META_CLUSTER_ID: "c1",
      ISTIO_META_WORKLOAD_NAME: "web",
      ISTIO_META_MESH_ID: "mesh1",
      ISTIO_META_DNS_CAPTURE: "true",
      PROXY_CONFIG: '{"terminationDrainDuration":"1m30s"}',
      ...options.env,
    },
    network,
    readMount: async (path) =>
      new Map(
        path === "/var/run/secrets/istio"
          ? [["root-cert.pem", Buffer.from(options.roots?.() ?? ca.pem)]]
          : [],
      ),
    token: async (audience) => ({ token: `token for ${audience}`, expiresAt: Date.now() + 3_600_000 }),
    log: (line) => lines.push(line),
    write: () => {},
    programs: {
      env: async () => ({}),
      scratch: async () => "",
      withRealFiles: async (command) => command,
      writeFiles: async () => {},
    },
    logger: silentLogger,
    client: {} as KubeClient,
    scratch: async () => "/nonexistent",
  };
  const fake = createFakeProxy();
  const standIn = createProxyStandIn({
    startProxy: fake.startProxy,
    // Mounted roots are looked at every 5 s; nobody waits for that here.
    clock: {
      ...systemClock,
      after: (delay, action) => systemClock.after(delay === 5000 ? 10 : delay, action),
    },
    locality: (cluster, node) => ({ region: cluster, zone: node, subZone: "" }),
  });
  const start = async () => {
    const running = await standIn.start(context);
    cleanUps.push(() => running.stop(0));
    return running;
  };
  return { mesh, ca, istiod, istiodPod, listenIstiod, network, other, context, lines, fake, standIn, start };
}

/** The PEM of ROOTCA. */
function trusted({ secrets }: ProxyStartOptions): string {
  const secret = secrets.get("ROOTCA")?.type;
  const source = secret?.case === "validationContext" ? secret.value.trustedCa?.specifier : undefined;
  return source?.case === "inlineBytes" ? Buffer.from(source.value).toString() : "";
}

/** What a server says to a request, or why it does not. */
function get(
  from: PodNetwork,
  to: { address: string; port: number },
  path = "/",
  method = "GET",
): Promise<string> {
  return new Promise((resolve) => {
    const socket = netConnect({ host: to.address, port: to.port, localAddress: from.address });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  });
}

suite("the agent", () => {
  test("gets a certificate, serves it as secrets, and describes the proxy as discovery expects", async () => {
    const { fake, start, listenIstiod, istiod, network, ca } = await scene();
    await listenIstiod();
    await start();
    const { secrets, node } = fake.given;
    await waitFor(() => secrets.get("default"), { signal: signal() });
    assert.deepEqual(istiod.calls[0]?.uris, ["spiffe://cluster.local/ns/sample/sa/web-account"]);
    assert.equal(istiod.calls[0]?.metadata["authorization"], "Bearer token for istio-ca");
    assert.equal(istiod.calls[0]?.metadata["clusterid"], "c1");
    assert.equal(trusted(fake.given), ca.pem);
    assert.equal(node.id, `sidecar~${network.address}~web-1.sample~sample.svc.cluster.local`);
    assert.equal(node.cluster, "web.sample");
    assert.deepEqual(
      { ...node.locality, $typeName: undefined },
      { $typeName: undefined, region: "c1", zone: "node-1", subZone: "" },
    );
    assert.deepEqual(node.metadata, {
      CLUSTER_ID: "c1",
      NAMESPACE: "sample",
      NAME: "web-1",
      LABELS: { app: "web", "topology.istio.io/network": "n1" },
      SERVICE_ACCOUNT: "web-account",
      ISTIO_VERSION: "1.31.2",
      INSTANCE_IPS: network.address,
      INTERCEPTION_MODE: "REDIRECT",
      PROXY_CONFIG: { terminationDrainDuration: "1m30s" },
      WORKLOAD_NAME: "web",
      MESH_ID: "mesh1",
      DNS_CAPTURE: "true",
      NETWORK: "n1",
    });
  });

  test("opens ADS over the same session, and again after istiod went away", async () => {
    const { fake, start, listenIstiod, istiod } = await scene();
    await start();
    await assert.rejects(fake.given.openAds(new AbortController().signal), { name: "GrpcError" });
    await listenIstiod();
    const echo = async () => {
      const stream = await fake.given.openAds(signal());
      stream.send(Buffer.from("hello"));
      for await (const message of stream.messages) return Buffer.from(message).toString();
      return undefined;
    };
    assert.equal(await echo(), "hello");
    istiod.cut();
    const again = await waitFor(() => echo().catch(() => undefined), { signal: signal() });
    assert.equal(again, "hello");
    assert.equal(
      istiod.calls.find(({ method }) => method === "ads")?.metadata["authorization"],
      "Bearer token for istio-ca",
    );
  });

  test("trusts no istiod whose certificate leads to another root", async () => {
    const stranger = createCa("root 2");
    const { fake, start, listenIstiod, istiod } = await scene({ roots: () => stranger.pem });
    await listenIstiod();
    await start();
    await assert.rejects(fake.given.openAds(signal()), /self-signed|unable to verify|issuer/);
    assert.deepEqual(istiod.calls, []);
  });

  test("renews the certificate after half of its life", async () => {
    let lifetime = 3000;
    const { fake, start, listenIstiod, istiod } = await scene({ lifetimeMs: () => lifetime });
    await listenIstiod();
    await start();
    const first = await waitFor(() => fake.given.secrets.get("default"), { signal: signal() });
    lifetime = 3_600_000;
    const renewed = new Promise<void>((resolve) => fake.given.secrets.onChange("default", resolve, signal()));
    await renewed;
    assert.notEqual(fake.given.secrets.get("default"), first);
    assert.equal(istiod.calls.length, 2);
  });

  test("takes in a root that is added to the mounted ones, and asks for a certificate anew", async () => {
    const second = createCa("root 2");
    let bundle: string | undefined;
    const { ca, fake, start, listenIstiod, istiod } = await scene({ roots: () => bundle });
    await listenIstiod();
    await start();
    const first = await waitFor(() => fake.given.secrets.get("default"), { signal: signal() });
    istiod.signWith(second);
    bundle = ca.pem + second.pem;
    await waitFor(() => (trusted(fake.given) === second.pem + ca.pem ? true : undefined), {
      signal: signal(),
    });
    assert.notEqual(fake.given.secrets.get("default"), first);
  });

  test("asks for a certificate anew when istiod shows that it signs with something else, and only then", async () => {
    const second = createCa("root 2");
    let bundle: string | undefined;
    const { ca, fake, start, listenIstiod, istiod } = await scene({ roots: () => bundle });
    bundle = ca.pem + second.pem;
    await listenIstiod();
    await start();
    const first = await waitFor(() => fake.given.secrets.get("default"), { signal: signal() });
    const ads = await fake.given.openAds(signal());
    const hasAds = () => istiod.calls.some(({ method }) => method === "ads");
    await waitFor(() => (hasAds() ? true : undefined), { signal: signal() });
    istiod.become(ca);
    istiod.become(second);
    await waitFor(() => (fake.given.secrets.get("default") === first ? undefined : true), {
      signal: signal(),
    });
    assert.equal(istiod.calls.filter(({ method }) => method === "sign").length, 2);
    ads.send(Buffer.from("still there"));
    for await (const message of ads.messages) {
      assert.equal(Buffer.from(message).toString(), "still there");
      break;
    }
  });

  test("is ready with configuration and certificate, and says so to probes", async () => {
    const { fake, start, listenIstiod, network, other, lines } = await scene();
    const running = await start();
    const ready = () => get(other, { address: network.address, port: 15021 }, "/healthz/ready");
    fake.configure();
    assert.match(await ready(), /^HTTP\/1\.1 503/);
    assert.equal(running.isReady?.(), false);
    await listenIstiod();
    await waitFor(() => (running.isReady?.() === true ? true : undefined), { signal: signal() });
    assert.match(await ready(), /^HTTP\/1\.1 200/);
    assert.match(lines.join("\n"), /proxy is ready/);
    await running.stop(30);
    assert.deepEqual(fake.drains, [30_000]);
    assert.deepEqual(await running.exited, { exitCode: 0 });
    assert.equal(await ready(), "ECONNREFUSED");
  });

  test("shows the admin interface to the pod and to this machine, not to other pods", async () => {
    const { start, network, other } = await scene();
    await start();
    const to = { address: network.address, port: 15000 };
    assert.match(await get(network, to, "/config_dump?x=1"), /200 OK[\s\S]*admin \/config_dump/);
    assert.match(await get({ ...network, address: "127.0.0.1" }, to, "/none"), /404/);
    assert.doesNotMatch(await get(other, to, "/config_dump"), /admin/);
    assert.match(await get(other, { ...to, port: 15090 }, "/stats/prometheus"), /admin \/stats\/prometheus/);
  });

  test("runs the app's probes on the kubelet's behalf and adds the app's metrics to its own", async () => {
    const { start, network, other } = await scene({
      env: {
        ISTIO_KUBE_APP_PROBERS: JSON.stringify({
          "/app-health/web/readyz": { httpGet: { path: "/ready", port: 8080 } },
          "/app-health/web/livez": { tcpSocket: { port: 9 } },
        }),
        ISTIO_PROMETHEUS_ANNOTATIONS: '{"scrape":"true","port":"8080","path":"/metrics"}',
      },
    });
    const app = createServer((socket) => {
      socket.once("data", (head) => {
        const path = String(head).split(" ")[1];
        socket.end(
          `HTTP/1.1 ${path === "/ready" ? 204 : 200} OK\r\nConnection: close\r\n\r\n${path === "/metrics" ? "app 1\n" : ""}`,
        );
      });
    });
    const place = network.appAddress(8080);
    await new Promise<void>((resolve) => app.listen(place.port, place.address, resolve));
    cleanUps.push(() => app.close());
    await start();
    const to = { address: network.address, port: 15020 };
    assert.match(await get(other, to, "/app-health/web/readyz"), /^HTTP\/1\.1 204/);
    assert.match(await get(other, to, "/app-health/web/livez"), /^HTTP\/1\.1 500/);
    assert.match(await get(other, to, "/stats/prometheus"), /admin \/stats\/prometheus\napp 1\n/);
  });

  test("holds the app's connections until the proxy is configured, and resets them after its end", async () => {
    const { fake, start, listenIstiod, network } = await scene();
    await listenIstiod();
    const running = await start();
    const early = (await network.connect("reviews.bookinfo.global", 9080)).setEncoding("utf8");
    const answer = new Promise((resolve) => early.once("data", resolve));
    fake.configure();
    assert.equal(await answer, "out 240.240.0.1:9080");
    const late = (await network.connect("web", 80)).setEncoding("utf8");
    assert.equal(await new Promise((resolve) => late.once("data", resolve)), "out 127.16.128.9:80");
    await running.stop(0);
    const dropped = await network.connect("127.16.128.9", 80);
    const reason = await new Promise((resolve) =>
      dropped.once("error", (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    assert.equal(reason, "ECONNRESET");
  });

  test("ends with its proxy: says how, resets connections and frees the ports", async () => {
    const { fake, start, listenIstiod, network, lines, other } = await scene();
    await listenIstiod();
    const running = await start();
    fake.configure();
    await waitFor(() => (running.isReady?.() ? true : undefined), { signal: AbortSignal.timeout(30_000) });
    fake.crash({ exitCode: 137, signal: "SIGKILL" });
    assert.deepEqual(await running.exited, { exitCode: 137, signal: "SIGKILL" });
    assert.equal(running.isReady?.(), false);
    assert.match(lines.at(-1) ?? "", /\terror\tEnvoy ended by itself: signal SIGKILL$/);
    assert.equal(await get(other, { address: network.address, port: 15021 }), "ECONNREFUSED");
    const dropped = await network.connect("127.16.128.9", 80);
    assert.equal(
      await new Promise((resolve) =>
        dropped.once("error", (error: NodeJS.ErrnoException) => resolve(error.code)),
      ),
      "ECONNRESET",
    );
  });

  test("a gateway is a router and intercepts nothing", async () => {
    const { fake, start, network, context } = await scene({
      args: ["proxy", "router", "--domain", "sample.svc.cluster.local"],
      env: { ISTIO_META_REQUESTED_NETWORK_VIEW: "n1", ISTIO_META_ROUTER_MODE: "sni-dnat", DISCOVERY: "" },
    });
    await start();
    assert.match(fake.given.node.id, /^router~/);
    assert.equal(fake.given.node.metadata?.["REQUESTED_NETWORK_VIEW"], "n1");
    assert.equal(fake.given.node.metadata?.["ROUTER_MODE"], "sni-dnat");
    await assert.rejects(network.connect(context.network.address, 9), { code: "ECONNREFUSED" });
  });

  test("the init container that would write iptables rules is done at once", async () => {
    const { standIn, context } = await scene();
    const container = { name: "istio-init", args: ["istio-iptables", "-p", "15001"] };
    const running = await standIn.start({ ...context, container });
    assert.deepEqual(await running.exited, { exitCode: 0 });
  });

  const wrong = [
    { env: { PROXY_CONFIG: "{" }, says: /PROXY_CONFIG is not JSON/ },
    {
      env: { PROXY_CONFIG: '{"discoveryAddress":"istiod"}' },
      says: /discoveryAddress "istiod" is not host:port/,
    },
    { env: { PROXY_CONFIG: '{"terminationDrainDuration":"soon"}' }, says: /"soon" is not a duration/ },
    { env: { CA_ADDR: "x:99999" }, says: /CA_ADDR "x:99999"/ },
  ];
  for (const { env, says } of wrong) {
    test(`${JSON.stringify(env)} is refused: ${says.source}`, async () => {
      const { start } = await scene({ env });
      await assert.rejects(start(), says);
    });
  }
});
