import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { KeepaliveSettingsSchema } from "../../xds/gen/envoy/config/core/v3/protocol_pb.js";
import { createMovingClock } from "../testing/moving-clock.ts";
import { createHttp2Client } from "./client-connection.ts";
import { compilePings } from "./keep-alive.ts";

suite("HTTP/2 connections are asked whether they live", () => {
  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  const soon = () => ({ signal: AbortSignal.timeout(30_000) });

  const interval = { seconds: 10n };
  test.each<[string, MessageInitShape<typeof KeepaliveSettingsSchema>, unknown]>([
    [
      "with a jitter of 15 percent, when none is said",
      { interval, timeout: { seconds: 2n } },
      { interval: 10_000, jitter: 1500, timeout: 2000 },
    ],
    [
      "with the jitter that is said",
      { interval, timeout: { seconds: 2n }, intervalJitter: { value: 0 } },
      { interval: 10_000, jitter: 0, timeout: 2000 },
    ],
    ["never without an interval", { timeout: { seconds: 2n } }, undefined],
    ["never without a timeout", { interval }, undefined],
  ])("%s", (_title, settings, expected) => {
    assert.deepEqual(compilePings(create(KeepaliveSettingsSchema, settings)), expected);
  });

  async function open(server: Server) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stops.push(() => new Promise((resolve) => server.close(resolve)));
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    stops.push(() => socket.destroy());
    await once(socket, "connect");
    const clock = createMovingClock();
    const told: string[] = [];
    const client = createHttp2Client(
      socket,
      { free() {}, closed: () => told.push("closed"), silent: () => told.push("silent") },
      { interval: 60_000, jitter: 0, timeout: 30_000 },
      clock.after,
    );
    stops.push(() => client.close());
    return { client, clock, told };
  }

  test("one that answers stays, and is asked again", async () => {
    const server = createHttp2Server();
    let pings = 0;
    server.on("session", (session) => session.on("ping", () => pings++));
    const { clock, told } = await open(server);
    for (const wanted of [1, 2, 3]) {
      await waitFor(
        () => {
          if (pings < wanted) clock.advance(20_000);
          return pings >= wanted ? true : undefined;
        },
        { ...soon(), every: 20 },
      );
    }
    assert.deepEqual(told, []);
  });

  test("one that is silent is closed, and its requests are reset", async () => {
    // Speaks HTTP/2 until it is asked, and then never again.
    const target = createHttp2Server();
    await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
    stops.push(() => new Promise((resolve) => target.close(resolve)));
    let isDeaf = false;
    const server = createServer((socket) => {
      const through = connect((target.address() as AddressInfo).port, "127.0.0.1");
      socket.on("data", (chunk) => isDeaf || through.write(chunk));
      through.on("data", (chunk) => isDeaf || socket.write(chunk));
      for (const end of [socket, through]) end.on("error", () => {});
      socket.on("close", () => through.destroy());
    });
    const { client, clock, told } = await open(server);
    const streams: unknown[] = [];
    target.on("stream", (stream) => streams.push(stream));
    const resets: string[] = [];
    client.start(
      {
        method: "GET",
        path: "/",
        scheme: "http",
        authority: "a",
        headers: [],
        contentLength: undefined,
      } as unknown as Parameters<typeof client.start>[0],
      true,
      {
        informational() {},
        head() {},
        data: () => true,
        trailers() {},
        flush() {},
        drained() {},
        reset: (reason: string) => resets.push(reason),
      } as unknown as Parameters<typeof client.start>[2],
    );
    await waitFor(() => (streams.length > 0 ? true : undefined), soon());
    isDeaf = true;
    clock.advance(60_000);
    assert.deepEqual(told, []);
    await waitFor(
      () => {
        if (told.length === 0) clock.advance(30_000);
        return resets.length > 0 ? true : undefined;
      },
      { ...soon(), every: 20 },
    );
    assert.deepEqual(told, ["silent", "closed"]);
    assert.deepEqual(resets, ["connection termination"]);
  });
});
