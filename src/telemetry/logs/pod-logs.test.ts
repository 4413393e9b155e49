import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger, systemClock, waitFor } from "../../base/index.ts";
import type { LogLine } from "./log-line.ts";
import { followPodLogs, type PodLogsOptions, readPodLogs } from "./pod-logs.ts";
import { type FakeCluster, fakeCluster } from "./test-support/fake-cluster.ts";

const at = (second: number, text: string) =>
  `2026-11-21T16:40:${String(second).padStart(2, "0")}.123456789Z ${text}`;

function optionsFor(
  clusters: readonly FakeCluster[],
  more: Partial<PodLogsOptions> = {},
): PodLogsOptions & { readonly gone: string[] } {
  const gone: string[] = [];
  return {
    clusters,
    containersOf: () => ["app"],
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
    away: (cluster) => gone.push(cluster),
    gone,
    ...more,
  };
}

const textsOf = (lines: readonly LogLine[]) =>
  lines.map(({ cluster, pod, text }) => `${cluster} ${pod} ${text}`);

suite("readPodLogs()", () => {
  test("gives the lines of all clusters in the order of time; a cluster that is away takes nothing from the others", async () => {
    const [east, west, north] = ["east", "west", "north"].map(fakeCluster) as [
      FakeCluster,
      FakeCluster,
      FakeCluster,
    ];
    east.add("a", at(1, "one"), at(4, "four é"));
    west.add("b", at(2, "two"), at(3, "three"));
    north.setAway(true);
    const options = optionsFor([east, west, north]);
    assert.deepEqual(textsOf(await readPodLogs(options)), [
      "east a one",
      "west b two",
      "west b three",
      "east a four é",
    ]);
    assert.deepEqual(options.gone, ["north"]);
  });

  test("reads what is asked for: containers, the last lines, what is newer than a time", async () => {
    const east = fakeCluster("east");
    east.add("a", at(1, "one"), at(2, "two"), at(3, "three"));
    east.add("b", at(4, "four"));
    const read = async (more: Partial<PodLogsOptions>) =>
      textsOf(await readPodLogs(optionsFor([east], more)));
    assert.deepEqual(await read({ containersOf: (pod) => (pod.metadata.name === "b" ? ["app"] : []) }), [
      "east b four",
    ]);
    assert.deepEqual(await read({ tailLines: 1 }), ["east a three", "east b four"]);
    assert.deepEqual(await read({ since: Date.parse("2026-11-21T16:40:03Z") }), [
      "east a three",
      "east b four",
    ]);
    assert.deepEqual(await read({ containersOf: () => [] }), []);
  });

  test("a pod that one cluster placed on another is read once, where it runs", async () => {
    const [home, away] = [fakeCluster("home"), fakeCluster("away")];
    home.add("a", at(1, "one"));
    home.addElsewhere("b", at(2, "two"));
    away.add("b", at(2, "two"));
    assert.deepEqual(textsOf(await readPodLogs(optionsFor([home, away]))), ["home a one", "away b two"]);
    const stop = new AbortController();
    const followed: LogLine[] = [];
    for await (const line of followPodLogs(optionsFor([home, away], { signal: stop.signal }))) {
      followed.push(line);
      if (followed.length === 2) away.write("b", at(3, "three"));
      if (followed.length === 3) stop.abort();
    }
    assert.deepEqual(textsOf(followed).sort(), ["away b three", "away b two", "home a one"]);
    assert.equal(home.opened, 2);
  });
});

suite("followPodLogs()", () => {
  /** Follows in the background; `lines` grows. */
  function follow(clusters: readonly FakeCluster[], more: Partial<PodLogsOptions> = {}) {
    const stop = new AbortController();
    const lines: string[] = [];
    const options = optionsFor(clusters, { signal: stop.signal, ...more });
    const ended = (async () => {
      for await (const line of followPodLogs(options)) lines.push(...textsOf([line]));
    })();
    const until = (wanted: readonly string[]) =>
      waitFor(() => (lines.length >= wanted.length ? true : undefined), {
        signal: AbortSignal.timeout(30_000),
      })
        .catch(() => {})
        .then(() => assert.deepEqual([...lines].sort(), [...wanted].sort()));
    return {
      options,
      until,
      async end() {
        stop.abort();
        await ended;
      },
    };
  }

  test("gives lines of all clusters as they come, and those of pods that come later", async () => {
    const [east, west] = [fakeCluster("east"), fakeCluster("west")];
    east.add("a", at(1, "one"));
    const followed = follow([east, west]);
    await followed.until(["east a one"]);
    west.add("b", at(2, "two"));
    east.write("a", at(3, "three"));
    await followed.until(["east a one", "west b two", "east a three"]);
    await followed.end();
  });

  test("goes on after a container began again, with every line once", async () => {
    const east = fakeCluster("east");
    east.add("a", at(1, "one"), at(1, "one"), at(2, "two"));
    const followed = follow([east]);
    await followed.until(["east a one", "east a one", "east a two"]);
    east.restart("a");
    await waitFor(() => (east.opened > 1 ? true : undefined), { signal: AbortSignal.timeout(30_000) });
    // In the second of the last line before, and so read twice by whoever asks by time alone.
    east.write("a", "2026-11-21T16:40:02.5Z again", at(3, "three"));
    await followed.until(["east a one", "east a one", "east a two", "east a again", "east a three"]);
    await followed.end();
  });

  test("a cluster that goes is told once, and followed on without a gap when it is back", async () => {
    const east = fakeCluster("east");
    east.add("a", at(1, "one"));
    const followed = follow([east]);
    await followed.until(["east a one"]);
    east.setAway(true);
    await waitFor(() => (followed.options.gone.length > 0 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    east.write("a", at(1, "meanwhile"), at(2, "two"));
    east.setAway(false);
    await followed.until(["east a one", "east a meanwhile", "east a two"]);
    assert.deepEqual(followed.options.gone, ["east"]);
    await followed.end();
  });

  test("whoever reads slowly slows the reading down, and ending the iteration ends it all", async () => {
    const east = fakeCluster("east");
    east.add("a", ...Array.from({ length: 5000 }, (_, i) => at(i % 60, `line ${i}`)));
    let read = 0;
    for await (const _line of followPodLogs(optionsFor([east]))) if (++read === 3000) break;
    assert.equal(read, 3000);
  });
});
