import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { type KubeObject, kinds, resourcePath, type Status, type WatchEvent } from "../../kube/index.ts";
import { configMap, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();

/** More than the server keeps for one watcher, beyond what fits into the sockets' buffers. */
const writes = 13_000;
const payload = "x".repeat(2000);

function watch(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${api.server.api.url}${path}?watch=true`,
      { agent: false, ca: api.server.caCert, ...api.server.client("admin", ["system:masters"]) },
      resolve,
    );
    asked.on("error", reject);
    asked.end();
  });
}

async function events(response: IncomingMessage, each: (event: WatchEvent) => boolean): Promise<void> {
  for await (const line of createInterface({ input: response })) {
    if (!each(JSON.parse(line) as WatchEvent)) return;
  }
}

suite("a client over HTTPS that watches and does not read", () => {
  test("is cut off with 410; writers and other watchers never wait for it", async () => {
    const signal = AbortSignal.timeout(250_000);
    const namespace = await api.freshNamespace();
    const path = resourcePath(kinds.configMaps, namespace);
    await api.client.create(kinds.configMaps, configMap(namespace, "changed", { n: "-1" }));
    const slow = await watch(path);
    const prompt = await watch(path);
    let last = -1;
    const told = events(prompt, ({ object }) => {
      last = Number((object as KubeObject & { readonly data?: { readonly n?: string } }).data?.n);
      return last < writes - 1;
    });
    // Each write is answered before the next: one that waited for the slow client would wait for ever.
    for (let n = 0; n < writes; n++) {
      await api.client.replace(kinds.configMaps, configMap(namespace, "changed", { n: String(n), payload }));
      // The other watcher is kept up to date all the time.
      if (n % 1000 === 0) await waitFor(() => (last >= n ? true : undefined), { signal });
    }
    await told;
    assert.equal(last, writes - 1);
    prompt.destroy();

    let received = 0;
    let end: WatchEvent | undefined;
    await events(slow, (event) => {
      received++;
      end = event;
      return true; // Until the server ends it.
    });
    assert.equal(end?.type, "ERROR");
    const { code, reason } = end.object as Status;
    assert.deepEqual([code, reason], [410, "Expired"]);
    assert.ok(received < writes, "what it had not read was not kept");
  }, 300_000);
});
