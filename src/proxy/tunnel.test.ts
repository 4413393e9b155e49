import assert from "node:assert/strict";
import { once } from "node:events";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { cluster, gateway, tcpListener } from "./testing/gateway.ts";
import { createTestMesh, type TestMesh } from "./testing/mesh.ts";

suite("TCP through a tunnel of an HTTP proxy", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  const accessLog = [
    {
      name: "envoy.access_loggers.file",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path: "/dev/stdout",
        logFormat: {
          textFormatSource: { inlineString: "%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n" },
        },
      },
    },
  ];

  /** A gateway that tunnels to db:5432, and a proxy that answers every CONNECT with `answer`, then echoes. */
  async function start(answer: string, tunnel: JsonObject = {}, upstream: JsonObject = {}) {
    const asked: string[] = [];
    await mesh.serve("10.0.0.1", 8080, (socket) => {
      let head = "";
      const onData = (chunk: Buffer) => {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        asked.push(head);
        socket.off("data", onData);
        socket.write(answer);
        socket.on("data", (bytes) => socket.write(bytes));
      };
      socket.on("data", onData);
      socket.on("error", () => {});
    });
    const golden = gateway({ clusters: [cluster("app", ["10.0.0.1"], upstream)] });
    golden.listener = [tcpListener({ tunnelingConfig: { hostname: "db:5432", ...tunnel }, accessLog })];
    const place = { address: "127.0.0.1", serviceAccount: "gw", namespace: "istio-system" };
    const { logs } = await mesh.addProxy("gateway", golden, place);
    const socket = await mesh.open("127.0.0.1", 80);
    socket.on("error", () => {});
    return { asked, socket, logs };
  }

  test("bytes follow once the proxy agreed", async () => {
    const { asked, socket } = await start("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.write("hello");
    const [echoed] = await once(socket, "data");
    assert.equal(String(echoed), "hello");
    assert.deepEqual(asked, ["CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n\r\n"]);
    socket.destroy();
  });

  test("bytes that come with the answer are the tunnel's, whatever length it announces", async () => {
    const { socket } = await start(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nwelcome",
    );
    const [first] = await once(socket, "data");
    assert.equal(String(first), "welcome");
    socket.destroy();
  });

  test.each([
    ["the proxy refuses", "HTTP/1.1 403 Forbidden\r\n\r\n", {}, {}, "the proxy answered CONNECT with 403"],
    [
      "the proxy speaks no HTTP",
      "SSH-2.0-x\r\n\r\n",
      {},
      {},
      "the proxy answered CONNECT with what is no HTTP/1.1",
    ],
    ["it is to be asked by POST", "", { usePost: true }, {}, "tunnels by POST are not supported"],
    ["the cluster is HTTP/2", "", {}, { http2ProtocolOptions: {} }, "tunnels over HTTP/2 are not supported"],
  ])("nothing goes out when %s", async (_when, answer, tunnel, upstream, reason) => {
    const { asked, socket, logs } = await start(answer, tunnel, upstream);
    const closed = once(socket, "close");
    socket.write("secret");
    socket.resume();
    await closed;
    const line = await waitFor(() => logs[0], { signal: AbortSignal.timeout(30_000) });
    assert.equal(line.trim(), `UF,URX ${reason.replaceAll(" ", "_")}`);
    assert.ok(asked.every((head) => !head.includes("secret")));
  });
});
