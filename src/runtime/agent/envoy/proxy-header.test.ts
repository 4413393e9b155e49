import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, suite, test } from "vitest";
import { proxyHeader, readProxyHeader } from "./proxy-header.ts";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

const hex = (buffer: Buffer) => buffer.toString("hex").replace(/^0d0a0d0a000d0a515549540a/, "");

suite("PROXY headers", () => {
  const cases = [
    {
      source: { address: "127.16.0.2", port: 1 },
      destination: { address: "240.240.0.1", port: 80 },
      is: "2111000c7f100002f0f0000100010050",
    },
    {
      source: { address: "127.16.0.2", port: 256 },
      destination: { address: "2001:2::1", port: 443 },
      is: "2121002400000000000000000000ffff7f1000022001000200000000000000000000000101 0001bb",
    },
    {
      source: { address: "::1", port: 1 },
      destination: { address: "::ffff:10.0.0.1", port: 2 },
      is: "212100240000000000000000000000000000000100000000000000000000ffff0a00000100010002",
    },
  ];
  for (const { source, destination, is } of cases) {
    test(`${source.address} to ${destination.address}`, () => {
      assert.equal(hex(proxyHeader(source, destination)), is.replaceAll(" ", ""));
    });
  }

  /** A connection on which `chunks` arrive one after the other. */
  async function receive(chunks: readonly string[]): Promise<Socket> {
    const server = createServer();
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const client = connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1");
    client.setNoDelay(true);
    const socket = await accepted;
    socket.on("error", () => {});
    cleanUps.push(
      () => server.close(),
      () => client.destroy(),
      () => socket.destroy(),
    );
    for (const chunk of chunks)
      await new Promise<void>((resolve) => client.write(chunk, () => setImmediate(resolve)));
    if (chunks.at(-1) === "") client.end();
    return socket;
  }

  test("a version 1 header is taken off, what follows stays", async () => {
    const socket = await receive(["PROXY TCP4 127.0.0.1 93.184.2", "16.34 1234 80\r\nGET /", " HTTP/1.1"]);
    assert.deepEqual(await readProxyHeader(socket), { address: "93.184.216.34", port: 80 });
    let rest = "";
    await new Promise<void>((resolve) =>
      socket.on("data", (chunk) => {
        rest += chunk;
        if (rest.length >= 14) resolve();
      }),
    );
    assert.equal(rest, "GET / HTTP/1.1");
  });

  const wrong = [
    { name: "something else", chunks: ["GET / HTTP/1.1\r\n"] },
    { name: "an unknown connection", chunks: ["PROXY UNKNOWN\r\n"] },
    { name: "a line without end", chunks: [`PROXY TCP4 ${"1".repeat(200)}`] },
    { name: "nothing", chunks: [""] },
  ];
  for (const { name, chunks } of wrong) {
    test(`${name} is no header`, async () => {
      assert.equal(await readProxyHeader(await receive(chunks)), undefined);
    });
  }
});
