import assert from "node:assert/strict";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { typeUrls } from "../xds/index.ts";
import { encodeResource, readGolden } from "./testing/golden.ts";
import { exchange } from "./testing/http.ts";
import {
  assignment,
  createTestMesh,
  hello,
  helloworldCluster,
  pod,
  service,
  setEndpoints,
  type TestMesh,
} from "./testing/mesh.ts";
import { makeRoot, type RunningProxy } from "./testing/world.ts";

const get = (path = "/hello") => `GET ${path} HTTP/1.1\r\nHost: helloworld.sample:5000\r\n\r\n`;
const soon = () => ({ signal: AbortSignal.timeout(30_000) });

suite("the mesh's rules", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  function failedVerifications({ proxy }: RunningProxy): number {
    const { body } = proxy.admin(
      "/stats",
      new URLSearchParams({ filter: "outbound.5000.*fail_verify" }),
      "GET",
    );
    return Number(/fail_verify[a-z_]*: (\d+)/.exec(body)?.[1]);
  }

  test("a foreign root is refused, and counted as such", async () => {
    await mesh.helloworld(hello("v2"), undefined, { issuer: makeRoot("another root") });
    const sleep = await mesh.sleep();
    const answer = await exchange(await sleep.connect(service), get());
    assert.equal(answer.status, 503);
    assert.ok(failedVerifications(sleep) > 0);
  });

  test("a server with another service account is refused", async () => {
    await mesh.helloworld(hello("v2"), undefined, { serviceAccount: "impostor" });
    const sleep = await mesh.sleep();
    const answer = await exchange(await sleep.connect(service), get());
    assert.equal(answer.status, 503);
    assert.ok(failedVerifications(sleep) > 0);
  });

  /** Takes the plain-text chains out, as PeerAuthentication STRICT does. */
  const strict = (golden: { listener: JsonValue[] }) => {
    for (const json of golden.listener as JsonObject[]) {
      if (json["name"] !== "virtualInbound") continue;
      json["filterChains"] = (json["filterChains"] as JsonObject[]).filter(
        (chain) => "transportSocket" in chain || chain["name"] === "virtualInbound-blackhole",
      );
    }
  };

  test("strict mTLS refuses plain text", async () => {
    await mesh.helloworld(hello("v2"), strict);
    const sleep = await mesh.sleep((golden) => setEndpoints(golden, [{ ...pod, plain: true }]));
    const answer = await exchange(await sleep.connect(service), get());
    assert.equal(answer.status, 503);
  });

  test("permissive mTLS takes plain text", async () => {
    await mesh.helloworld(hello("v2"));
    const sleep = await mesh.sleep((golden) => setEndpoints(golden, [{ ...pod, plain: true }]));
    assert.equal((await exchange(await sleep.connect(service), get())).status, 200);
  });

  test("a client without a certificate is refused where one is wanted", async () => {
    await mesh.helloworld(hello("v2"));
    const direct = await mesh.sleep();
    const raw = await direct.connect({ address: pod.address, port: pod.port });
    const client: TLSSocket = connectTls({
      socket: raw,
      rejectUnauthorized: false,
      ALPNProtocols: ["istio-http/1.1", "istio"],
    });
    const closed = new Promise<string>((resolve) => {
      client.on("error", () => resolve("refused"));
      client.on("close", () => resolve("refused"));
      client.on("data", () => resolve("answered"));
    });
    client.write(get());
    assert.equal(await closed, "refused");
  });

  const calls = [
    {
      serviceAccount: "sleep",
      path: "/hello",
      status: 200,
      because: "the policy allows GET /hello* for sleep",
    },
    { serviceAccount: "sleep", path: "/other", status: 403, because: "the path is not allowed" },
    { serviceAccount: "sleep", path: "/x/../hello", status: 200, because: "paths are normalized first" },
    { serviceAccount: "sleep", path: "/%68ello", status: 200, because: "escapes are decoded first" },
    { serviceAccount: "intruder", path: "/hello", status: 403, because: "the caller is not allowed" },
  ];
  for (const { serviceAccount, path, status, because } of calls) {
    test(`GET ${path} by ${serviceAccount} gets ${status}: ${because}`, async () => {
      const golden = readGolden("e-authz-allow--helloworld-cluster1");
      await mesh.app("10.10.1.10", 5000, hello("v1"));
      await mesh.addProxy("helloworld", golden, {
        address: "10.10.1.10",
        serviceAccount: "helloworld",
        inboundPorts: [5000],
      });
      const sleep = await mesh.sleep((own) => setEndpoints(own, [{ address: "10.10.1.10", port: 5000 }]), {
        serviceAccount,
      });
      const answer = await exchange(await sleep.connect(service), get(path));
      assert.equal(answer.status, status);
      if (status === 403) assert.equal(answer.body, "RBAC: access denied");
    });
  }

  test("the passthrough gateway copies by server name and its log shows it", async () => {
    await mesh.helloworld(hello("v2"));
    const gateway = readGolden("a-multinetwork--eastwest-cluster2");
    const log = {
      name: "envoy.access_loggers.file",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path: "/dev/stdout",
        logFormat: {
          textFormatSource: {
            inlineString:
              "%REQUESTED_SERVER_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %RESPONSE_CODE% %REQ(:PATH)% %BYTES_SENT%\n",
          },
        },
      },
    };
    for (const listener of gateway.listener as JsonObject[]) {
      for (const chain of listener["filterChains"] as JsonObject[]) {
        for (const filter of chain["filters"] as JsonObject[])
          (filter["typedConfig"] as JsonObject)["accessLog"] = [log];
      }
    }
    const running = await mesh.addProxy("gateway", gateway, {
      address: "172.18.2.1",
      serviceAccount: "istio-eastwestgateway",
      namespace: "istio-system",
    });
    const sleep = await mesh.sleep((golden) =>
      setEndpoints(golden, [{ address: "172.18.2.1", port: 15443 }]),
    );
    const client = await sleep.connect(service);
    assert.equal((await exchange(client, get())).body, "Hello version: v2\n");
    await sleep.proxy.stop(0);
    const line = await waitFor(() => running.logs[0], soon());
    assert.match(
      line,
      /^outbound_\.5000_\._\.helloworld\.sample\.svc\.cluster\.local outbound_\.5000_\._\.helloworld\.sample\.svc\.cluster\.local 10\.20\.1\.10:5000 0 - [1-9][0-9]+$/,
    );
  });

  test("the passthrough gateway serves nothing else", async () => {
    const running = await mesh.addProxy("gateway", readGolden("a-multinetwork--eastwest-cluster2"), {
      address: "172.18.2.1",
      serviceAccount: "istio-eastwestgateway",
      namespace: "istio-system",
    });
    const sleep = await mesh.sleep((golden) =>
      setEndpoints(golden, [{ address: "172.18.2.1", port: 15443, plain: true }]),
    );
    assert.equal((await exchange(await sleep.connect(service), get())).status, 503);
    assert.ok(
      running.proxy
        .admin("/stats", new URLSearchParams({ filter: "no_filter_chain_match" }), "GET")
        .body.match(/: [1-9]/),
    );
  });

  test("failover: the second priority takes over while the first is unhealthy or ejected", async () => {
    await mesh.app("10.0.0.1", 5000, (_request, response) => {
      response.statusCode = 500;
      response.end("near");
    });
    await mesh.app("10.0.0.2", 5000, (_request, response) => response.end("far"));
    const golden = readGolden("a-multinetwork--sleep-cluster1");
    for (const cluster of golden.cluster as JsonObject[]) {
      if (cluster["name"] !== helloworldCluster) continue;
      cluster["outlierDetection"] = {
        consecutive5xx: 2,
        interval: "0.050s",
        baseEjectionTime: "0.200s",
        maxEjectionPercent: 100,
      };
    }
    setEndpoints(golden, [
      { address: "10.0.0.1", port: 5000, plain: true, priority: 0 },
      { address: "10.0.0.2", port: 5000, plain: true, priority: 1 },
    ]);
    const sleep = await mesh.addProxy("sleep", golden, { address: "10.10.1.20", serviceAccount: "sleep" });
    const client = await sleep.connect(service);
    const bodies: string[] = [];
    for (let i = 0; i < 5; i++) bodies.push((await exchange(client, get())).body);
    assert.deepEqual(bodies, ["near", "near", "far", "far", "far"]);
    const clusters = JSON.parse(
      sleep.proxy.admin("/clusters", new URLSearchParams("format=json"), "GET").body,
    );
    const status = clusters.cluster_statuses.find((one: { name: string }) => one.name === helloworldCluster);
    assert.deepEqual(
      status.host_statuses.map((one: { health_status: unknown }) => one.health_status),
      [{ failed_outlier_check: true, eds_health_status: "HEALTHY" }, { eds_health_status: "HEALTHY" }],
    );
    await waitFor(async () => ((await exchange(client, get())).body === "near" ? true : undefined), {
      ...soon(),
      every: 50,
    });
    // Unhealthy in EDS is enough as well.
    const sick = assignment([
      { address: "10.0.0.1", port: 5000, plain: true, health: "UNHEALTHY" },
      { address: "10.0.0.2", port: 5000, plain: true, priority: 1 },
    ]);
    sleep.discovery.set(typeUrls.endpoint, helloworldCluster, encodeResource("endpoint", sick));
    await waitFor(async () => ((await exchange(client, get())).body === "far" ? true : undefined), soon());
  });

  test("statuses that a cluster names count as errors, and no others do", async () => {
    let status = 503;
    await mesh.app("10.0.0.1", 5000, (_request, response) => {
      response.statusCode = status;
      response.end("near");
    });
    await mesh.app("10.0.0.2", 5000, (_request, response) => response.end("far"));
    const golden = readGolden("a-multinetwork--sleep-cluster1");
    for (const cluster of golden.cluster as JsonObject[]) {
      if (cluster["name"] !== helloworldCluster) continue;
      cluster["outlierDetection"] = { consecutive5xx: 2, baseEjectionTime: "60s", maxEjectionPercent: 100 };
      cluster["typedExtensionProtocolOptions"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
          explicitHttpConfig: { httpProtocolOptions: {} },
          outlierDetection: {
            errorMatcher: {
              httpResponseHeadersMatch: { headers: [{ name: ":status", stringMatch: { exact: "429" } }] },
            },
          },
        },
      };
    }
    setEndpoints(golden, [
      { address: "10.0.0.1", port: 5000, plain: true, priority: 0 },
      { address: "10.0.0.2", port: 5000, plain: true, priority: 1 },
    ]);
    const sleep = await mesh.addProxy("sleep", golden, { address: "10.10.1.20", serviceAccount: "sleep" });
    const client = await sleep.connect(service);
    const bodies: string[] = [];
    for (let i = 0; i < 6; i++) {
      if (i === 3) status = 429;
      bodies.push((await exchange(client, get())).body);
    }
    assert.deepEqual(bodies, ["near", "near", "near", "near", "near", "far"]);
  });

  test("an original destination is dialled at the port that its cluster says instead", async () => {
    await mesh.app("192.0.2.9", 8081, (_request, response) => response.end("on 8081"));
    const sleep = await mesh.sleep((golden) => {
      for (const cluster of golden.cluster as JsonObject[])
        if (cluster["name"] === "PassthroughCluster")
          cluster["originalDstLbConfig"] = { upstreamPortOverride: 8081 };
    });
    const client = await sleep.connect({ address: "192.0.2.9", port: 8080 });
    assert.equal((await exchange(client, get())).body, "on 8081");
  });

  test("weighted endpoints share 2:1", async () => {
    await mesh.app("10.0.0.1", 5000, (_request, response) => response.end("a"));
    await mesh.app("10.0.0.2", 5000, (_request, response) => response.end("b"));
    const sleep = await mesh.sleep((golden) =>
      setEndpoints(golden, [
        { address: "10.0.0.1", port: 5000, plain: true, weight: 2 },
        { address: "10.0.0.2", port: 5000, plain: true, weight: 1 },
      ]),
    );
    const client = await sleep.connect(service);
    let a = 0;
    for (let i = 0; i < 300; i++) if ((await exchange(client, get())).body === "a") a++;
    assert.ok(a >= 177 && a <= 225, `${a} of 300`);
  });

  test("TCP flows both ways, with mTLS, and each side may end first", async () => {
    const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("end", () => socket.end(`got ${text.length}`));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    mesh.map("10.10.1.10", 5000, server.address() as AddressInfo);
    const golden = readGolden("a-tcp--helloworld-cluster1");
    await mesh.addProxy("greeter", golden, {
      address: "10.10.1.10",
      serviceAccount: "helloworld",
      inboundPorts: [5000],
    });
    const client = readGolden("a-tcp--sleep-cluster1");
    const tcp = (client.listener as JsonObject[]).find((one) =>
      JSON.stringify(one).includes('"outbound|5000||'),
    );
    assert.ok(tcp);
    const { address } = (tcp["address"] as { socketAddress: { address: string } }).socketAddress;
    setEndpoints(client, [{ address: "10.10.1.10", port: 5000 }]);
    const sleep = await mesh.addProxy("sleep", client, { address: "10.10.1.20", serviceAccount: "sleep" });
    const socket = await sleep.connect({ address, port: 5000 });
    socket.allowHalfOpen = true;
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.write(Buffer.alloc(1_000_000));
    socket.end();
    await new Promise((resolve) => socket.once("end", resolve));
    assert.equal(answer, "got 1000000");
    server.close();
  });

  test("gRPC passes as HTTP/2 with trailers when the cluster speaks it", async () => {
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    mesh.map(pod.address, pod.port, server.address() as AddressInfo);
    const useHttp2 = (golden: { cluster: JsonValue[] }) => {
      for (const cluster of golden.cluster as JsonObject[]) {
        if (!String(cluster["name"]).includes("5000|")) continue;
        cluster["typedExtensionProtocolOptions"] = {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicitHttpConfig: { http2ProtocolOptions: {} },
          },
        };
      }
    };
    const golden = readGolden("a-multinetwork--helloworld-cluster2");
    useHttp2(golden);
    await mesh.addProxy("helloworld", golden, {
      ...pod,
      serviceAccount: "helloworld",
      inboundPorts: [pod.port],
    });
    const sleep = await mesh.sleep(useHttp2);
    const socket = await sleep.connect(service);
    const session = connectHttp2("http://helloworld.sample:5000", { createConnection: () => socket });
    const stream = session.request({
      ":method": "POST",
      ":path": "/x.Y/Z",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const facts = { status: 0, grpc: "", body: "" };
    stream.on("response", (headers) => {
      facts.status = Number(headers[":status"]);
    });
    stream.on("trailers", (headers) => {
      facts.grpc = String(headers["grpc-status"]);
    });
    stream.on("data", (chunk) => {
      facts.body += chunk;
    });
    stream.end("payload");
    await new Promise((resolve) => stream.once("close", resolve));
    assert.deepEqual(facts, { status: 200, grpc: "0", body: "payload" });
    session.destroy();
    server.close();
  });

  test("a resource that can't be accepted is rejected by name and the last good one stays", async () => {
    await mesh.helloworld(hello("v2"));
    const sleep = await mesh.sleep();
    const bad = encodeResource("cluster", { name: helloworldCluster, type: "EDS" });
    sleep.discovery.set(typeUrls.cluster, helloworldCluster, bad);
    const rejected = await waitFor(() => sleep.proxy.state.types.get(typeUrls.cluster)?.rejected, soon());
    assert.match(rejected, /outbound\|5000\|\|helloworld.*EDS cluster without eds_config/);
    const nack = sleep.discovery.requests.find((request) => request.errorDetail !== undefined);
    assert.equal(nack?.typeUrl, typeUrls.cluster);
    assert.equal((await exchange(await sleep.connect(service), get())).status, 200);
  });

  test("without discovery the proxy goes on, and after it came back it tells what it has", async () => {
    await mesh.helloworld(hello("v2"));
    const sleep = await mesh.sleep();
    sleep.discovery.disconnect(true);
    await waitFor(() => (sleep.proxy.state.connected ? undefined : true), soon());
    assert.equal((await exchange(await sleep.connect(service), get())).status, 200);
    const before = sleep.discovery.requests.length;
    sleep.discovery.disconnect(false);
    await waitFor(() => (sleep.proxy.state.connected ? true : undefined), soon());
    const first = await waitFor(() => sleep.discovery.requests[before], soon());
    assert.equal(first.node?.id, "sidecar~10.10.1.20~sleep-1.sample~sample.svc.cluster.local");
    assert.equal(first.typeUrl, typeUrls.cluster);
    assert.ok(Object.keys(first.initialResourceVersions).includes(helloworldCluster));
  });

  test("a removed cluster gives 503 and names the reason in the log's flag", async () => {
    const sleep = await mesh.sleep();
    sleep.discovery.set(typeUrls.cluster, helloworldCluster, undefined);
    const answer = await waitFor(async () => {
      const one = await exchange(await sleep.connect(service), get());
      return one.body === "" ? one : undefined;
    }, soon());
    assert.equal(answer.status, 503);
  });

  test("Istio's metrics tell both ends", async () => {
    const helloworld = await mesh.helloworld(hello("v2"));
    const sleep = await mesh.sleep();
    const client = await sleep.connect(service);
    for (let i = 0; i < 10; i++) await exchange(client, get());
    const metrics = (proxy: typeof sleep) =>
      proxy.proxy.admin("/stats/prometheus", new URLSearchParams(), "GET").body;
    const source = /istio_requests_total\{([^}]*)\} 10\n/.exec(metrics(sleep))?.[1] ?? "";
    for (const label of [
      'reporter="source"',
      'source_workload="sleep"',
      'source_cluster="cluster1"',
      'destination_workload="helloworld"',
      'destination_cluster="cluster2"',
      'destination_version="v2"',
      'destination_service="helloworld.sample.svc.cluster.local"',
      'destination_principal="spiffe://cluster.local/ns/sample/sa/helloworld"',
      'response_code="200"',
    ]) {
      assert.ok(source.includes(label), `${label} in ${source}`);
    }
    const destination = /istio_requests_total\{([^}]*)\} 10\n/.exec(metrics(helloworld))?.[1] ?? "";
    for (const label of [
      'reporter="destination"',
      'source_workload="sleep"',
      'connection_security_policy="mutual_tls"',
    ]) {
      assert.ok(destination.includes(label), `${label} in ${destination}`);
    }
  });

  test("the admin interface shows what is in use, and no private key", async () => {
    const sleep = await mesh.sleep();
    const page = (path: string, query = "") => sleep.proxy.admin(path, new URLSearchParams(query), "GET");
    const { dynamic_active_secrets: secrets } = JSON.parse(page("/config_dump").body).configs.at(-1);
    assert.deepEqual(secrets.map(({ name }: { name: string }) => name).sort(), ["ROOTCA", "default"]);
    await exchange(await sleep.connect(service), get());
    assert.deepEqual([page("/ready").status, page("/ready").body], [200, "LIVE\n"]);
    const dump = page("/config_dump", "include_eds").body;
    assert.ok(!dump.includes("PRIVATE KEY"));
    const types = JSON.parse(dump).configs.map((one: { "@type": string }) => one["@type"].split(".").at(-1));
    assert.deepEqual(types, [
      "BootstrapConfigDump",
      "ClustersConfigDump",
      "EndpointsConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
      "SecretsConfigDump",
    ]);
    assert.match(
      page("/clusters").body,
      /outbound\|5000\|\|helloworld.sample.svc.cluster.local::10.20.1.10:5000::health_flags::healthy/,
    );
    assert.match(
      page("/stats").body,
      /cluster.outbound\|5000\|\|helloworld.sample.svc.cluster.local.upstream_cx_connect_fail: [1-9]/,
    );
    assert.match(page("/listeners").body, /virtualOutbound::0.0.0.0:15001/);
    assert.match(page("/certs").body, /spiffe:\/\/cluster.local\/ns\/sample\/sa\/sleep/);
    assert.match(page("/logging").body, /^active loggers:\n {2}isthmus: \w+\n$/);
    assert.deepEqual([page("/logging", "level=debug").status, page("/nothing").status], [400, 404]);
  });
});
