import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { type KubeObject, kinds, resourcePath, type Status, type WatchEvent } from "../../kube/index.ts";
import { configMap, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const maps = kinds.configMaps;

suite("watching", () => {
  /** Collects the events of a watch until it is told to stop. */
  function collect(path: string, query: Record<string, string>) {
    const stop = new AbortController();
    const events: WatchEvent[] = [];
    const done = (async () => {
      const answer = await api.send(
        { path, query: new URLSearchParams({ watch: "true", ...query }) },
        stop.signal,
      );
      for await (const event of answer.events ?? []) events.push(event as WatchEvent);
    })();
    const seen = () =>
      events.map(({ type, object }) => `${type} ${(object as KubeObject).metadata?.name ?? ""}`);
    return {
      events,
      seen,
      async stop() {
        stop.abort();
        await done;
      },
      until: (wanted: number) =>
        waitFor(() => (events.length >= wanted ? true : undefined), { signal: AbortSignal.timeout(30_000) }),
      done,
    };
  }

  test("tells every change after a version, in order", async () => {
    const namespace = await api.freshNamespace();
    const { metadata } = await api.client.create(maps, configMap(namespace, "a"));
    const watch = collect(resourcePath(maps, namespace), { resourceVersion: metadata.resourceVersion ?? "" });
    await api.client.create(maps, configMap(namespace, "b"));
    await api.client.patch(maps, "b", { data: { x: "1" } }, { type: "merge", namespace });
    await api.client.delete(maps, "b", { namespace });
    await watch.until(3);
    assert.deepEqual(watch.seen(), ["ADDED b", "MODIFIED b", "DELETED b"]);
    await watch.stop();
  });

  test("with initial events marks their end", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(maps, configMap(namespace, "a"));
    const watch = collect(resourcePath(maps, namespace), {
      sendInitialEvents: "true",
      resourceVersionMatch: "NotOlderThan",
      allowWatchBookmarks: "true",
    });
    await watch.until(2);
    assert.deepEqual(watch.seen(), ["ADDED a", "BOOKMARK "]);
    const annotations = (watch.events[1]?.object as KubeObject | undefined)?.metadata.annotations;
    assert.deepEqual(annotations, { "k8s.io/initial-events-end": "true" });
    await watch.stop();
  });

  test("with a selector sees objects come into it and leave it", async () => {
    const namespace = await api.freshNamespace();
    const map = configMap(namespace, "a");
    const label = (value: string | null) =>
      api.client.patch(maps, "a", { metadata: { labels: { show: value } } }, { type: "merge", namespace });
    await api.client.create(maps, map);
    const watch = collect(resourcePath(maps, namespace), { labelSelector: "show=yes" });
    await label("yes");
    await label("no");
    await label("yes");
    await api.client.delete(maps, "a", { namespace });
    await watch.until(4);
    assert.deepEqual(watch.seen(), ["ADDED a", "DELETED a", "ADDED a", "DELETED a"]);
    await watch.stop();
  });

  test("from a version that is forgotten says 410, and from one that is still to come 504", async () => {
    const namespace = await api.freshNamespace();
    for (let i = 0; i < 4200; i++)
      await api.client.replace(kinds.leases, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "l", namespace },
        spec: { leaseTransitions: i },
      });
    const watch = collect(resourcePath(kinds.leases, namespace), { resourceVersion: "5" });
    await watch.done;
    const [event] = watch.events;
    assert.equal(event?.type, "ERROR");
    const status = event?.object as Status | undefined;
    assert.deepEqual([status?.code, status?.reason], [410, "Expired"]);
    const query = new URLSearchParams({ watch: "true", resourceVersion: "99999999" });
    const future = await api.send({ path: resourcePath(maps, namespace), query });
    assert.deepEqual(
      [future.status, (future.body as Status).details?.causes?.[0]?.reason],
      [504, "ResourceVersionTooLarge"],
    );
  });

  test("that nobody reads ends with 410 instead of filling the memory", async () => {
    const namespace = await api.freshNamespace();
    const answer = await api.send({
      path: resourcePath(kinds.leases, namespace),
      query: new URLSearchParams({ watch: "true" }),
    });
    for (let i = 0; i < 10_500; i++)
      await api.client.replace(kinds.leases, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "l", namespace },
        spec: { leaseTransitions: i },
      });
    const events: unknown[] = [];
    for await (const event of answer.events ?? []) events.push(event);
    assert.equal(events.length, 1);
    assert.equal(((events[0] as WatchEvent).object as Status).code, 410);
  });

  test("cuts off a watcher for which too much text waits, long before it is too many events behind", async () => {
    const namespace = await api.freshNamespace();
    const answer = await api.send({
      path: resourcePath(maps, namespace),
      query: new URLSearchParams({ watch: "true" }),
    });
    const events = answer.events?.[Symbol.asyncIterator]();
    assert.ok(events);
    const first = events.next();
    const payload = "x".repeat(500_000);
    await api.client.create(maps, configMap(namespace, "large"));
    await first;
    const writes = 400;
    for (let n = 0; n < writes; n++)
      await api.client.replace(maps, configMap(namespace, "large", { n: String(n), payload }));
    const left: WatchEvent[] = [];
    for (let next = await events.next(); next.done !== true; next = await events.next())
      left.push(next.value as WatchEvent);
    assert.ok(left.length < writes, `${left.length} events`);
    const { type, object } = left.at(-1) ?? assert.fail("no event");
    assert.deepEqual([type, (object as Status).code], ["ERROR", 410]);
  });
});
