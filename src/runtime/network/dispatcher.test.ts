import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, connect as netConnect, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, suite, test } from "vitest";
import { silentLogger } from "../../base/index.ts";
import type { Destination } from "../contracts.ts";
import { startDispatcher } from "./dispatcher.ts";
import { createUserCheck } from "./peer-user.ts";
import { createPortMap } from "./ports.ts";
import { createSocketPair } from "./socket-pair.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A sidecar for HTTP: it collects what it reads and answers when the test says so. */
interface Accepted {
  readonly to: Destination;
  readonly socket: Socket;
  readonly text: () => string;
}

async function dispatcher(options: { readonly isOwnUser?: boolean } = {}) {
  const accepted: Accepted[] = [];
  const waiting: ((one: Accepted) => void)[] = [];
  const take = (socket: Socket, to: Destination) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    const one = { to, socket, text: () => text };
    accepted.push(one);
    waiting.shift()?.(one);
  };
  const names: Record<string, string> = { "a.test": "127.0.1.1", "b.test": "127.0.1.2" };
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const place = probe.address();
  assert.ok(typeof place === "object" && place !== null);
  await new Promise((resolve) => probe.close(resolve));
  const stop = await startDispatcher({
    address: "127.0.0.1",
    port: place.port,
    ports: createPortMap(1, () => {}),
    log: silentLogger,
    credentials: "pod:secret",
    isOwnUser: options.isOwnUser === undefined ? createUserCheck() : async () => options.isOwnUser === true,
    onConnection: (socket) => cleanUps.push(() => socket.destroy()),
    lookup: async (host) => [names[host] ?? []].flat(),
    isIntercepted: () => true,
    open(to) {
      const [near, far] = createSocketPair({ address: "127.0.0.1", port: 1 }, to);
      take(far, to);
      return near;
    },
    handOver(socket, to) {
      take(socket, to);
      return true;
    },
  });
  cleanUps.push(stop);
  const connect = () => {
    const socket = netConnect(place.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    cleanUps.push(() => socket.destroy());
    return {
      socket,
      text: () => text,
      closed: new Promise<void>((resolve) => socket.once("close", () => resolve())),
    };
  };
  const next = () => new Promise<Accepted>((resolve) => waiting.push(resolve));
  return { port: place.port, accepted, connect, next };
}

/** Waits until what was read contains `part`. */
async function until(text: () => string, part: string): Promise<void> {
  const end = Date.now() + 5000;
  while (!text().includes(part)) {
    assert.ok(Date.now() < end, `"${part}" did not come; got "${text()}"`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

suite("startDispatcher()", () => {
  test("pipelined requests to different hosts are answered in the order in which they were sent", async () => {
    const { connect, next, accepted } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.write(
      "GET http://a.test/1 HTTP/1.1\r\nHost: a.test\r\n\r\nGET http://b.test/2 HTTP/1.1\r\nHost: b.test\r\n\r\n",
    );
    const a = await first;
    await until(a.text, "GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    a.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    await until(client.text, "\r\n\r\no");
    assert.equal(accepted.length, 1, "the second request waits for the first answer's end");
    const second = next();
    a.socket.write("k");
    const b = await second;
    await until(b.text, "GET /2 HTTP/1.1\r\n");
    b.socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    await until(client.text, "204");
    assert.deepEqual([a.to.address, b.to.address], ["127.0.1.1", "127.0.1.2"]);
  });

  test("requests to the same host share a connection, and hop-by-hop headers for the proxy are taken off", async () => {
    const { connect, next, accepted } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.write(
      "POST http://a.test/1 HTTP/1.1\r\nHost: a.test\r\nProxy-Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    const a = await first;
    await until(a.text, "0\r\n\r\n");
    assert.doesNotMatch(a.text(), /proxy-connection/i);
    a.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    await until(client.text, "0\r\n\r\n");
    client.socket.write("HEAD http://a.test/2 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await until(a.text, "HEAD /2");
    a.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    await until(client.text, "Length: 5");
    client.socket.write("GET http://a.test/3 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await until(a.text, "GET /3");
    assert.equal(accepted.length, 1);
  });

  test("after a switch of protocols the bytes pass untouched", async () => {
    const { connect, next } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.write(
      "GET http://a.test/ws HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    const a = await first;
    a.socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhello");
    await until(client.text, "hello");
    client.socket.write("GET http://b.test/ HTTP/1.1\r\n\r\n");
    await until(a.text, "GET http://b.test/");
  });

  test("an answer that lasts until the connection closes ends the client's connection too", async () => {
    const { connect, next } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.write("GET http://a.test/ HTTP/1.0\r\n\r\n");
    const a = await first;
    a.socket.end("HTTP/1.0 200 OK\r\n\r\nall of it");
    await client.closed;
    assert.match(client.text(), /all of it$/);
    assert.match(a.text(), /^GET \/ HTTP\/1\.0\r\nHost: a\.test\r\n/);
  });

  test("a slow reader slows the sender down", async () => {
    const { connect, next } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.pause();
    client.socket.write("GET http://a.test/ HTTP/1.1\r\nHost: a\r\n\r\n");
    const a = await first;
    const size = 64 * 1024 * 1024;
    a.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    const send = () => {
      while (sent < size) {
        sent += chunk.length;
        if (!a.socket.write(chunk)) return void a.socket.once("drain", send);
      }
    };
    send();
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(sent < size / 2, `${sent} bytes were taken although nobody read`);
    client.socket.resume();
    await new Promise<void>((resolve) => {
      let got = 0;
      client.socket.on("data", (part) => {
        got += part.length;
        if (got >= size) resolve();
      });
    });
  });

  const refused = [
    { request: "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", because: "no URL" },
    { request: "GET http://a.test/ HTTP/3\r\n\r\n", because: "not HTTP/1" },
    { request: "GET https://a.test/ HTTP/1.1\r\n\r\n", because: "https in the clear" },
    { request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", because: "HTTP/2" },
    { request: "GET http://a.test:99999/ HTTP/1.1\r\n\r\n", because: "no port" },
    {
      request: "GET http://a.test/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      because: "two lengths",
    },
    {
      request: "POST http://a.test/ HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n",
      because: "two lengths in one",
    },
    { request: "GET http://a.test/ HTTP/1.1\r\nX : y\r\n\r\n", because: "space before a colon" },
    { request: "GET http://a.test/ HTTP/1.1\r\nX: a\nY: b\r\n\r\n", because: "bare line feed" },
    { request: "GET http://a.test/ HTTP/1.1\r\n folded: y\r\n\r\n", because: "folded header" },
    { request: `GET http://a.test/${"x".repeat(70_000)} HTTP/1.1\r\n\r\n`, because: "endless head" },
    { request: "CONNECT a.test HTTP/1.1 HTTP/1.1\r\n\r\n", because: "odd request line" },
  ];
  for (const { request, because } of refused) {
    test(`answers 400 to ${JSON.stringify(request.slice(0, 60))}: ${because}`, async () => {
      const { connect, accepted } = await dispatcher();
      const client = connect();
      client.socket.write(request);
      await client.closed;
      assert.match(client.text(), /^HTTP\/1\.1 400 /);
      assert.equal(accepted.length, 0);
    });
  }

  test("malformed chunks end the connection before the next request is read", async () => {
    const { connect, next } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.write(
      "POST http://a.test/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET http://b.test/ HTTP/1.1\r\n\r\n",
    );
    await first;
    await client.closed;
    assert.match(client.text(), /^HTTP\/1\.1 400 /);
  });

  test("SOCKS5 works byte by byte, and refuses what it does not speak", async () => {
    const { connect, next } = await dispatcher();
    const client = connect();
    const first = next();
    client.socket.setNoDelay(true);
    const bytes = Buffer.concat([
      Buffer.from([5, 2, 2, 0, 5, 1, 0, 3, 6]),
      Buffer.from("a.test"),
      Buffer.from([0, 80]),
      Buffer.from("hi"),
    ]);
    for (const byte of bytes) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const a = await first;
    assert.deepEqual(a.to, { address: "127.0.1.1", port: 80 });
    await until(a.text, "hi");
    a.socket.write("there");
    await until(client.text, "there");
    const cases = [
      { send: [5, 1, 2], answer: [5, 0xff] },
      { send: [5, 1, 0, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80], answer: [5, 0, 5, 7] },
      { send: [5, 1, 0, 5, 1, 0, 9, 1, 2, 3, 4, 0, 80], answer: [5, 0, 5, 8] },
      { send: [5, 1, 0, 5, 1, 0, 3, 1, 0x78, 0, 80], answer: [5, 0, 5, 4] },
    ];
    for (const { send, answer } of cases) {
      const other = netConnect((await dispatcher()).port, "127.0.0.1");
      const chunks: Buffer[] = [];
      other.on("data", (chunk) => chunks.push(chunk));
      other.write(Buffer.from(send));
      await new Promise((resolve) => other.once("close", resolve));
      assert.deepEqual([...Buffer.concat(chunks)].slice(0, answer.length), answer);
    }
  });

  test("any first bytes leave the dispatcher alive", async () => {
    const { connect, next } = await dispatcher();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (bytes) => {
        const client = connect();
        client.socket.end(Buffer.from(bytes));
        await new Promise<void>((resolve) => client.socket.once("connect", () => resolve()));
        client.socket.destroy();
      }),
      { numRuns: 50 },
    );
    const client = connect();
    const first = next();
    client.socket.write("GET http://a.test/ HTTP/1.1\r\n\r\n");
    await first;
  });

  test("a connection of another user is reset", async () => {
    const { connect, accepted } = await dispatcher({ isOwnUser: false });
    const client = connect();
    client.socket.write("GET http://a.test/ HTTP/1.1\r\n\r\n");
    await client.closed;
    assert.equal(client.text(), "");
    assert.equal(accepted.length, 0);
  });

  const curl = ["/usr/bin/curl", "/bin/curl"].find((path) => existsSync(path));
  test("finds out in the kernel's table whose a connection is", {
    skip: curl === undefined || process.getuid?.() !== 0,
  }, async () => {
    const { port, accepted } = await dispatcher();
    const code = await new Promise((resolve) => {
      const args = ["-sS", "-m", "5", "-x", `http://127.0.0.1:${port}`, "http://a.test/"];
      execFile(curl ?? "", args, { uid: 65534, gid: 65534, cwd: "/" }, (error) => resolve(error?.code));
    });
    assert.equal(code, 56);
    assert.equal(accepted.length, 0);
  });
});

suite("createSocketPair()", () => {
  const pair = () =>
    createSocketPair({ address: "127.1.0.2", port: 40000 }, { address: "127.1.128.1", port: 80 });

  test("knows both addresses, passes bytes, and ends as sockets do", async () => {
    const [client, server] = pair();
    assert.deepEqual(
      [client.remoteAddress, client.remotePort, server.remoteAddress],
      ["127.1.128.1", 80, "127.1.0.2"],
    );
    server.allowHalfOpen = true;
    server.on("data", (chunk) => server.write(`got ${chunk}`));
    server.on("end", () => server.end(" and goodbye"));
    client.end("hello");
    let text = "";
    for await (const chunk of client) text += chunk;
    assert.equal(text, "got hello and goodbye");
  });

  test("a reset of one end is ECONNRESET for the other", async () => {
    const [client, server] = pair();
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => client.once("error", resolve));
    server.resetAndDestroy();
    assert.equal((await failure).code, "ECONNRESET");
  });

  test("an end that is destroyed in good order ends the other, which can't write any more", async () => {
    const [client, server] = pair();
    client.allowHalfOpen = true;
    server.destroy();
    await new Promise((resolve) => client.resume().once("end", resolve));
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => client.once("error", resolve));
    client.write("x");
    assert.equal((await failure).code, "EPIPE");
  });
});
