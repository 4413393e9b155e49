import assert from "node:assert/strict";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { afterEach, suite, test } from "vitest";
import { systemClock, waitFor } from "../../base/index.ts";
import { createLiveResources, type LiveResources } from "./live-resources.ts";

let server: Server | undefined;
let live: LiveResources | undefined;
afterEach(() => {
  live?.stop();
  server?.closeAllConnections();
  server?.close();
});

/** Streams `targets` to a client over a real connection. */
async function watching(
  read: (target: string) => Promise<unknown>,
  ...targets: string[]
): Promise<IncomingMessage> {
  const made = createLiveResources({ read, clock: systemClock, every: 5 });
  live = made;
  const listening = createServer((_request, response) => made.stream(response, targets));
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return new Promise((resolve) => get({ host: "127.0.0.1", port }, resolve));
}

const until = <T>(probe: () => T | undefined) =>
  waitFor(probe, { signal: AbortSignal.timeout(30_000), every: 2 });

suite("live resources", () => {
  test("are sent once for every change, however large", async () => {
    const large = "x".repeat(1024 * 1024);
    let reads = 0;
    const stream = await watching(async () => {
      reads++;
      return { large, after: reads > 3 };
    }, "/a");
    let text = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const events = () => text.match(/event: update/g)?.length ?? 0;
    await until(() => (text.includes('"after":true') ? true : undefined));
    const seen = reads;
    await until(() => (reads > seen + 20 ? true : undefined));
    assert.equal(events(), 2);
  });

  test("a client that stops reading gets the last form when it reads again", async () => {
    const filler = "x".repeat(1024 * 1024);
    let step = 0;
    const stream = await watching(async () => {
      if (step < 40) step++;
      return { filler, step };
    }, "/a");
    await until(() => (step === 40 ? true : undefined));
    let text = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-3 * 1024 * 1024);
    });
    await until(() => (text.includes('"step":40') ? true : undefined));
  });
});
