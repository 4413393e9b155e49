import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { suite, test } from "vitest";
import { IsthmusError, type Logger, silentLogger } from "../../base/index.ts";
import { listenAt, parseListenAddress } from "./run-process.ts";

suite("parseListenAddress()", () => {
  for (const [text, host, port] of [
    ["0.0.0.0:9900", "0.0.0.0", 9900],
    ["[::1]:0", "::1", 0],
    ["localhost:80", "localhost", 80],
  ] as const) {
    test(text, () => {
      assert.deepEqual(parseListenAddress(text), { host, port });
    });
  }

  for (const text of ["9900", ":9900", "host:", "host:70000", "host:http"]) {
    test(`${text} is refused, with the form that it has`, () => {
      assert.throws(
        () => parseListenAddress(text),
        (reason) => reason instanceof IsthmusError && /ADDRESS:PORT/.test(reason.nextStep ?? ""),
      );
    });
  }
});

suite("listenAt()", () => {
  test("says which port it got, and takes connections until it is stopped", async () => {
    let port = 0;
    const log: Logger = {
      ...silentLogger,
      info(fields) {
        port = (fields as { readonly port: number }).port;
      },
    };
    const stop = await listenAt({ relay: "127.0.0.1:0" }, log)("relay", (socket) => socket.end("here"));
    const client = connect(port, "127.0.0.1").setEncoding("utf8");
    let said = "";
    for await (const chunk of client) said += chunk;
    assert.equal(said, "here");
    await stop();
  });

  test("names the address that is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : 0;
    try {
      const listening = listenAt({ operations: `127.0.0.1:${port}` }, silentLogger)("operations", () => {});
      await assert.rejects(listening, new RegExp(`127\\.0\\.0\\.1:${port} can't be listened on`));
    } finally {
      taken.close();
    }
  });
});
