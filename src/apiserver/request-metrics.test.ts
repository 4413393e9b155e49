import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { kinds } from "../kube/index.ts";
import { useApiServer } from "./test-support/api-harness.ts";

const api = useApiServer();

/** Values of the page's series whose line has all these parts. */
async function values(...parts: string[]): Promise<number[]> {
  const { status, body } = await api.send({ path: "/metrics", headers: { accept: "text/plain" } });
  assert.equal(status, 200);
  return String(body)
    .split("\n")
    .filter((line) => parts.every((part) => line.includes(part)))
    .map((line) => Number(line.split(" ").at(-1)));
}

suite("the API server's own metrics", () => {
  test("count requests by verb, resource and code, and how long they took", async () => {
    const namespace = await api.freshNamespace();
    const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace } };
    await api.client.create(kinds.configMaps, configMap);
    await assert.rejects(api.client.create(kinds.configMaps, configMap));
    await api.client.list(kinds.configMaps, { namespace });
    const request = (...labels: string[]) =>
      values("apiserver_request_total{", 'resource="configmaps"', ...labels);
    assert.deepEqual(await request('verb="CREATE"', 'code="201"', 'scope="namespace"'), [1]);
    assert.deepEqual(await request('verb="CREATE"', 'code="409"'), [1]);
    assert.deepEqual(await request('verb="LIST"', 'code="200"'), [1]);
    const durations = 'apiserver_request_duration_seconds_count{component="apiserver",verb="CREATE"';
    assert.deepEqual(await values(durations, 'resource="configmaps"'), [2]);
    assert.deepEqual(await values('apiserver_storage_objects{resource="configmaps"}'), [
      (await api.client.list(kinds.configMaps)).items.length,
    ]);
    assert.ok(Number((await values("process_start_time_seconds ")).at(-1)) > 0);
  });
});
