import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { startTestServer } from "../../src/apiserver/test-support/start-test-server.ts";
import { waitFor } from "../../src/base/index.ts";
import { createLoadClient } from "./load.ts";

suite("the load of the API server's bench", () => {
  test("creates at a rate, and its watchers read what is written", async () => {
    const server = await startTestServer();
    const { cert, key } = server.client("bench", ["system:masters"]);
    const client = createLoadClient(
      { server: server.api.url, ca: server.caCert, clientCert: cert, clientKey: key },
      4,
    );
    const maps = "/api/v1/namespaces/default/configmaps";
    const seen: string[] = [];
    const stop = await client.watch(`${maps}?watch=true`, (line) =>
      seen.push(JSON.parse(line).object.metadata.name),
    );
    try {
      const rate = await client.rate(20, (i) =>
        client.send("POST", maps, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `cm-${i}` } }),
      );
      assert.ok(rate > 0);
      await waitFor(() => (seen.filter((name) => name.startsWith("cm-")).length === 20 ? true : undefined), {
        signal: AbortSignal.timeout(30_000),
      });
      await assert.rejects(
        client.rate(1, () => client.send("GET", `${maps}/nothing`)),
        /404: .*not found/,
      );
    } finally {
      stop();
      client.close();
      await server.api.stop();
    }
  });
});
