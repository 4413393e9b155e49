import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { connect } from "node:tls";
import { beforeAll, suite, test } from "vitest";
import { maxHelloBytes, readClientHello } from "./client-hello.ts";

/** The first flight of a real TLS client. */
async function captureHello(servername: string | undefined, protocols: string[]): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({
    host: "127.0.0.1",
    port,
    ...(servername === undefined ? {} : { servername }),
    ALPNProtocols: protocols,
  });
  client.on("error", () => {});
  const bytes = await new Promise<Buffer>((resolve) => {
    server.once("connection", (socket) => {
      socket.on("error", () => {});
      socket.once("data", (chunk: Buffer) => {
        resolve(chunk);
        socket.destroy();
      });
    });
  });
  client.destroy();
  server.close();
  return bytes;
}

suite("readClientHello()", () => {
  let hello: Buffer;
  beforeAll(async () => {
    hello = await captureHello("Outbound_.5000_._.helloworld.sample.svc.cluster.local", [
      "istio-http/1.1",
      "istio",
    ]);
  });

  test("finds server name and protocols", () => {
    assert.deepEqual(readClientHello(hello), {
      kind: "hello",
      hello: {
        sni: "outbound_.5000_._.helloworld.sample.svc.cluster.local",
        alpn: ["istio-http/1.1", "istio"],
      },
    });
  });

  test("asks for more on every prefix, and never gives a wrong answer", () => {
    for (let length = 0; length < hello.length; length++) {
      assert.equal(readClientHello(hello.subarray(0, length)).kind, "more", `after ${length} bytes`);
    }
  });

  test("reads a message that is spread over many records", () => {
    const message = hello.subarray(5);
    for (const size of [1, 7, 100]) {
      const records: Buffer[] = [];
      for (let at = 0; at < message.length; at += size) {
        const part = message.subarray(at, at + size);
        records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part);
      }
      assert.deepEqual(
        readClientHello(Buffer.concat(records)),
        readClientHello(hello),
        `records of ${size} bytes`,
      );
    }
  });

  test("works without a server name and without protocols", async () => {
    const bare = await captureHello(undefined, []);
    assert.deepEqual(readClientHello(bare), { kind: "hello", hello: { sni: undefined, alpn: [] } });
  });

  const other = [
    { bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n"), because: "plain HTTP" },
    { bytes: Buffer.from([0x16, 2, 0, 0, 5, 1, 0, 0, 1, 0]), because: "a wrong record version" },
    { bytes: Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0]), because: "a ServerHello" },
    { bytes: Buffer.from([0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]), because: "a message that is too long" },
    { bytes: Buffer.from([0x16, 3, 1, 0, 0]), because: "an empty record" },
    {
      bytes: Buffer.concat([Buffer.from([0x16, 3, 1, 0, 50, 1, 0, 0, 46]), Buffer.alloc(46, 0xff)]),
      because: "lengths that point outside",
    },
  ];
  for (const { bytes, because } of other) {
    test(`takes ${because} for something else`, () => assert.equal(readClientHello(bytes).kind, "not-tls"));
  }

  test("gives up on a client that never finishes", () => {
    const records = Array.from({ length: 4000 }, () => Buffer.from([0x16, 3, 1, 0, 1, 1]));
    records[1] = Buffer.from([0x16, 3, 1, 0, 3, 0, 0x3f, 0xff]);
    assert.equal(readClientHello(Buffer.concat(records).subarray(0, maxHelloBytes)).kind, "not-tls");
  });

  test("survives every single-byte change of a real message", () => {
    for (let at = 0; at < hello.length; at++) {
      const changed = Buffer.from(hello);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      readClientHello(changed);
    }
  });
});
