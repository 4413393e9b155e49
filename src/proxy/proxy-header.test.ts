import assert from "node:assert/strict";
import { once } from "node:events";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type ProxyHeader, readProxyHeader } from "./listener/proxy-protocol.ts";
import { cluster, gateway, tcpListener, type } from "./testing/gateway.ts";
import { exchange } from "./testing/http.ts";
import { createTestMesh, type TestMesh } from "./testing/mesh.ts";

suite("a cluster whose connections begin with a PROXY header", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  const wrapped = (version: string): JsonObject => ({
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typedConfig: {
      "@type": type("transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"),
      config: { version },
      transportSocket: {
        name: "envoy.transport_sockets.raw_buffer",
        typedConfig: { "@type": type("transport_sockets.raw_buffer.v3.RawBuffer") },
      },
    },
  });

  /** A gateway on port 80 and what an app behind it reads: the header, and what came with it. */
  async function start(version: string, listener: (all: ReturnType<typeof gateway>) => void = () => {}) {
    const seen: { header: ProxyHeader; rest: string }[] = [];
    await mesh.serve("10.0.0.1", 8080, (socket) => {
      let bytes = Buffer.alloc(0);
      socket.on("data", (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        const header = readProxyHeader(bytes);
        if (header === undefined || header === "more" || bytes.length === header.length) return;
        seen.push({ header, rest: bytes.toString("latin1", header.length) });
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
      });
    });
    const golden = gateway({
      clusters: [cluster("app", ["10.0.0.1"], { transportSocket: wrapped(version) })],
    });
    listener(golden);
    await mesh.addProxy("gateway", golden, {
      address: "127.0.0.1",
      serviceAccount: "gw",
      namespace: "istio-system",
    });
    return seen;
  }

  for (const version of ["V1", "V2"]) {
    test(`${version}: requests come after the addresses of the proxy's own connection`, async () => {
      const seen = await start(version);
      const socket = await mesh.open("127.0.0.1", 80);
      const answer = await exchange(socket, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.equal(answer.body, "ok");
      assert.match(seen[0]?.rest ?? "", /^GET \/a HTTP\/1\.1\r\n/);
      assert.deepEqual(seen[0]?.header.destination, { address: "10.0.0.1", port: 8080 });
      socket.destroy();
    });

    test(`${version}: TCP comes after the addresses of the client's connection`, async () => {
      const seen = await start(version, (golden) => {
        golden.listener = [tcpListener()];
      });
      const socket = await mesh.open("127.0.0.1", 80);
      socket.write("hello");
      await once(socket, "data");
      assert.equal(seen[0]?.rest, "hello");
      assert.deepEqual(seen[0]?.header.source, { address: "127.0.0.1", port: socket.localPort });
      socket.destroy();
    });
  }
});
