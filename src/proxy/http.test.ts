import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { exchange, readResponse } from "./testing/http.ts";
import { bodyOf, createTestMesh, hello, helloworldCluster, service, type TestMesh } from "./testing/mesh.ts";

const get = (path = "/hello", headers = "") =>
  `GET ${path} HTTP/1.1\r\nHost: helloworld.sample:5000\r\n${headers}\r\n`;

suite("HTTP/1.1 through two sidecars", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  test("one client connection carries many requests, and upstream connections are reused", async () => {
    await mesh.helloworld(hello("v2"));
    const sleep = await mesh.sleep();
    const client = await sleep.connect(service);
    for (let i = 0; i < 20; i++) assert.equal((await exchange(client, get())).status, 200);
    assert.equal(mesh.dialled.get("10.20.1.10:5000"), 2, "one to the sidecar, one to the app");
  });

  test("pipelined requests are answered in order", async () => {
    await mesh.helloworld((request, response) => {
      const wait = Number(new URL(request.url ?? "", "http://x").searchParams.get("wait"));
      setTimeout(() => response.end(request.url), wait);
    });
    const client = await (await mesh.sleep()).connect(service);
    client.write(get("/a?wait=30") + get("/b?wait=0") + get("/c?wait=5"));
    const bodies: string[] = [];
    for (let i = 0; i < 3; i++) bodies.push((await readResponse(client)).body);
    assert.deepEqual(bodies, ["/a?wait=30", "/b?wait=0", "/c?wait=5"]);
  });

  const bodies = [
    { name: "of a known length", request: `Content-Length: 11\r\n\r\nhello world`, wanted: "hello world" },
    {
      name: "in chunks",
      request: "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
      wanted: "hello world",
    },
    { name: "that is empty", request: "Content-Length: 0\r\n\r\n", wanted: "" },
  ];
  for (const { name, request, wanted } of bodies) {
    test(`a request body ${name} arrives whole`, async () => {
      await mesh.helloworld(async (incoming, response) => void response.end(`got ${await bodyOf(incoming)}`));
      const client = await (await mesh.sleep()).connect(service);
      for (let i = 0; i < 2; i++) {
        const answer = await exchange(client, `POST / HTTP/1.1\r\nHost: helloworld:5000\r\n${request}`);
        assert.equal(answer.body, `got ${wanted}`);
      }
    });
  }

  test("big bodies stream both ways", async () => {
    const size = 5_000_000;
    await mesh.helloworld(async (incoming, response) => {
      const body = await bodyOf(incoming);
      response.end(body);
    });
    const client = await (await mesh.sleep()).connect(service);
    const body = Buffer.alloc(size, "abcdefghij");
    const answer = readResponse(client);
    client.write(`POST / HTTP/1.1\r\nHost: helloworld:5000\r\nContent-Length: ${size}\r\n\r\n`);
    client.write(body);
    assert.equal((await answer).body, body.toString("latin1"));
  });

  test("a client that does not read holds the server back", async () => {
    let written = 0;
    await mesh.helloworld((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        while (written < 200 * 1024 * 1024) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once("drain", more);
            return;
          }
        }
      };
      more();
    });
    const client = await (await mesh.sleep()).connect(service);
    client.pause();
    client.write(get());
    let last = -1;
    await waitFor(
      () => {
        const same = written === last && written > 0;
        last = written;
        return same ? true : undefined;
      },
      { signal: AbortSignal.timeout(30_000), every: 200 },
    );
    assert.ok(written < 60 * 1024 * 1024, `${written} bytes are on the way`);
    client.destroy();
  });

  test("HEAD, 204 and 304 have no body", async () => {
    await mesh.helloworld((request, response) => {
      const status = Number(request.url?.slice(1) || 200);
      if (request.method === "HEAD") response.setHeader("content-length", "5");
      response.writeHead(status);
      response.end();
    });
    const client = await (await mesh.sleep()).connect(service);
    client.write("HEAD / HTTP/1.1\r\nHost: helloworld:5000\r\n\r\n");
    const head = await readResponse(client, true);
    assert.equal(head.headers.get("content-length"), "5");
    assert.equal((await exchange(client, get("/204"))).status, 204);
    assert.equal((await exchange(client, get("/304"))).status, 304);
    assert.equal((await exchange(client, get("/"))).status, 200);
  });

  test("100-continue comes from the server", async () => {
    await mesh.helloworld(async (request, response) => void response.end(await bodyOf(request)));
    const client = await (await mesh.sleep()).connect(service);
    client.write(
      "POST / HTTP/1.1\r\nHost: helloworld:5000\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert.equal((await readResponse(client)).status, 100);
    assert.equal((await exchange(client, "ok")).body, "ok");
  });

  test("a connection can be upgraded, carries bytes both ways and ends with its client", async () => {
    const app = await mesh.app("10.20.1.10", 5000, hello("v2"));
    app.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      socket.on("data", (chunk: Buffer) => socket.write(`echo ${chunk}`));
      socket.on("end", () => socket.end());
    });
    const { readGolden } = await import("./testing/golden.ts");
    await mesh.addProxy("helloworld", readGolden("a-multinetwork--helloworld-cluster2"), {
      address: "10.20.1.10",
      serviceAccount: "helloworld",
      inboundPorts: [5000],
    });
    const client = await (await mesh.sleep()).connect(service);
    const switched = await exchange(client, get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    assert.equal(switched.status, 101);
    assert.equal(switched.headers.get("upgrade"), "websocket");
    let text = "";
    client.on("data", (chunk) => {
      text += chunk;
    });
    client.resume();
    client.write("one");
    await waitFor(() => (text === "echo one" ? true : undefined), { signal: AbortSignal.timeout(30_000) });
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.end();
    await closed;
    assert.equal(text, "echo one");
  });

  const smuggling = [
    {
      name: "length and chunks",
      text: "POST / HTTP/1.1\r\nHost: helloworld:5000\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
    },
    {
      name: "a bad chunk size",
      text: "POST / HTTP/1.1\r\nHost: helloworld:5000\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    },
    {
      name: "a chunk longer than it says",
      text: "POST / HTTP/1.1\r\nHost: helloworld:5000\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    },
    { name: "no host", text: "GET / HTTP/1.1\r\n\r\n" },
    { name: "a slash in the host", text: "GET / HTTP/1.1\r\nHost: a/helloworld:5000\r\n\r\n" },
  ];
  for (const { name, text } of smuggling) {
    test(`a request with ${name} gets 400 and the connection closes`, async () => {
      let served = 0;
      await mesh.helloworld((request, response) => {
        request.on("error", () => {});
        request.on("end", () => served++);
        request.resume();
        response.end();
      });
      const client = await (await mesh.sleep()).connect(service);
      const answer = await exchange(client, text);
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get("connection"), "close");
      await new Promise<void>((resolve) => {
        client.once("close", () => resolve());
        client.resume();
      });
      assert.equal(served, 0);
    });
  }

  test("the app sees who called and nothing that the mesh added for itself", async () => {
    let seen: Record<string, unknown> = {};
    await mesh.helloworld((request, response) => {
      seen = request.headers;
      response.end();
    });
    const client = await (await mesh.sleep()).connect(service);
    await exchange(client, get("/hello", "X-Envoy-Retry-On: 5xx\r\nX-Forwarded-Client-Cert: By=evil\r\n"));
    assert.match(
      String(seen["x-forwarded-client-cert"]),
      /^By=spiffe:\/\/cluster.local\/ns\/sample\/sa\/helloworld;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/cluster.local\/ns\/sample\/sa\/sleep$/,
    );
    assert.match(String(seen["x-request-id"]), /^[0-9a-f-]{36}$/);
    assert.equal(seen["x-forwarded-proto"], "http");
    assert.equal(seen["x-envoy-attempt-count"], "1");
    assert.deepEqual(
      Object.keys(seen).filter((name) => /peer-metadata|retry-on|decorator/.test(name)),
      [],
    );
  });

  test("without a healthy host the answer is 503", async () => {
    const sleep = await mesh.sleep((golden) => {
      golden.endpoint = golden.endpoint.map((json) => ({
        clusterName: (json as { clusterName: string }).clusterName,
      }));
    });
    const answer = await exchange(await sleep.connect(service), get());
    assert.deepEqual([answer.status, answer.body], [503, "no healthy upstream"]);
    assert.equal(answer.headers.get("server"), "envoy");
  });

  test("a host that refuses is tried again, then the answer says why", async () => {
    const sleep = await mesh.sleep();
    const answer = await exchange(await sleep.connect(service), get());
    assert.equal(answer.status, 503);
    assert.equal(
      answer.body,
      "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure",
    );
    assert.equal(mesh.dialled.get("10.20.1.10:5000"), 3, "one try and two retries");
  });

  test("a request to an unknown host goes to where it was sent", async () => {
    await mesh.app("93.184.216.34", 80, (request, response) => response.end(`host ${request.headers.host}`));
    const sleep = await mesh.sleep();
    const client = await sleep.connect({ address: "93.184.216.34", port: 80 });
    const answer = await exchange(client, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    assert.equal(answer.body, "host example.com");
  });

  test("a server that breaks off in the middle breaks the client's connection", async () => {
    await mesh.helloworld((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("part", () => response.destroy());
    });
    const client = await (await mesh.sleep()).connect(service);
    await assert.rejects(exchange(client, get()));
  });

  test("every configured weight is kept", async () => {
    // Subsets are clusters of their own; this table has them at 50/50.
    const { readGolden } = await import("./testing/golden.ts");
    const golden = readGolden("b-subsets-5050--sleep-cluster1");
    await mesh.app("10.0.0.1", 5000, hello("v1"));
    await mesh.app("10.0.0.2", 5000, hello("v2"));
    const { assignment } = await import("./testing/mesh.ts");
    golden.endpoint = [
      ...["", "v1", "v2"].map((subset) =>
        assignment(
          [{ address: subset === "v2" ? "10.0.0.2" : "10.0.0.1", port: 5000, plain: true }],
          `outbound|5000|${subset}|helloworld.sample.svc.cluster.local`,
        ),
      ),
      ...golden.endpoint.filter((json) => !JSON.stringify(json).includes("helloworld")),
    ];
    const sleep = await mesh.addProxy("sleep", golden, { address: "10.10.1.20", serviceAccount: "sleep" });
    const client = await sleep.connect(service);
    let v1 = 0;
    for (let i = 0; i < 400; i++) if ((await exchange(client, get())).body.includes("v1")) v1++;
    assert.ok(v1 >= 168 && v1 <= 232, `${v1} of 400 went to v1`);
  });

  test("a change of endpoints loses no request", async () => {
    await mesh.app("10.0.0.1", 5000, hello("a"));
    await mesh.app("10.0.0.2", 5000, hello("b"));
    const { assignment, setEndpoints } = await import("./testing/mesh.ts");
    const { encodeResource } = await import("./testing/golden.ts");
    const { typeUrls } = await import("../xds/index.ts");
    const one = { address: "10.0.0.1", port: 5000, plain: true };
    const two = { address: "10.0.0.2", port: 5000, plain: true };
    const sleep = await mesh.sleep((golden) => setEndpoints(golden, [one]));
    const client = await sleep.connect(service);
    const bodies = new Set<string>();
    for (let i = 0; i < 60; i++) {
      if (i % 10 === 5) {
        const next = [[one], [one, two], [two]][Math.floor(i / 10) % 3] ?? [];
        sleep.discovery.set(
          typeUrls.endpoint,
          helloworldCluster,
          encodeResource("endpoint", assignment(next)),
        );
      }
      const answer = await exchange(client, get());
      assert.equal(answer.status, 200);
      bodies.add(answer.body);
    }
    assert.equal(bodies.size, 2);
  });

  test("stopping answers what runs, says goodbye and closes", async () => {
    let release = () => {};
    await mesh.helloworld((_request, response) => {
      release = () => response.end("late");
    });
    const sleep = await mesh.sleep();
    const busy = await sleep.connect(service);
    const answer = exchange(busy, get());
    await waitFor(() => (mesh.dialled.get("10.20.1.10:5000") === 2 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    await waitFor(() => (release.toString().includes("late") ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    const stopped = sleep.proxy.stop(5000);
    release();
    const { body, headers } = await answer;
    assert.equal(body, "late");
    assert.equal(headers.get("connection"), "close");
    await stopped;
  });

  test("a proxy that is leaving serves on, and tells its clients with each answer", async () => {
    await mesh.helloworld(hello("v1"));
    const sleep = await mesh.sleep();
    const open = await sleep.connect(service);
    assert.equal((await exchange(open, get())).headers.get("connection"), undefined);
    sleep.proxy.drain();
    // The connection from before was idle: it must not close under the client's next request.
    for (const client of [open, await sleep.connect(service)]) {
      const { status, headers } = await exchange(client, get());
      assert.deepEqual([status, headers.get("connection")], [200, "close"]);
    }
  });

  test("hostile bytes on the inbound side harm nobody", async () => {
    await mesh.helloworld(hello("v2"));
    const sleep = await mesh.sleep();
    void connectTcp;
    for (const text of [
      "\x16\x03\x01\x00\x05\x01\x00\xff\xff\xff",
      "\0\0\0\0",
      "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    ]) {
      const client = await sleep.connect(service);
      client.on("error", () => {});
      client.write(Buffer.from(text, "latin1"));
      client.destroy();
    }
    const client = await sleep.connect(service);
    assert.equal((await exchange(client, get())).status, 200);
  });
});
