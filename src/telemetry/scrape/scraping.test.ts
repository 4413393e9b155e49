import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, test } from "vitest";
import { silentLogger, waitFor } from "../../base/index.ts";
import { createManualClock } from "../../base/testing/manual-clock.ts";
import type { Deployment, KubeObject, Pod, Service } from "../../kube/index.ts";
import { readExposition, readSeries } from "../exposition/read-exposition.ts";
import { createMatcher } from "../store/matcher.ts";
import { createMetricStore } from "../store/metric-store.ts";
import { createPageFetcher } from "./fetch-page.ts";
import { findTargets } from "./find-targets.ts";
import { objectMetrics } from "./object-metrics.ts";
import { addressText, type ScrapeTarget } from "./scrape-target.ts";
import { startScraping } from "./start-scraping.ts";

const deadline = () => ({ signal: AbortSignal.timeout(30_000) });

function pod(annotations: Record<string, string>, more: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-1", namespace: "shop", annotations, labels: { app: "web", "a.b/c-d": "e" } },
    spec: {
      nodeName: "node-1",
      containers: [{ name: "web", ports: [{ containerPort: 80 }, { containerPort: 81 }] }],
    },
    status: { phase: "Running", podIP: "10.0.0.1" },
    ...more,
  } as Pod;
}

function found(objects: {
  pods?: Pod[];
  services?: Service[];
  endpointSlices?: KubeObject[];
}): ScrapeTarget[] {
  return findTargets({
    cluster: "east",
    pods: objects.pods ?? [],
    services: objects.services ?? [],
    endpointSlices: (objects.endpointSlices ?? []) as never,
    nodes: [],
  }).filter(({ address }) => address.kind === "http");
}

suite("what is scraped", () => {
  test("a pod that is annotated, at the port and path that it says, with its labels", () => {
    const annotations = {
      "prometheus.io/scrape": "true",
      "prometheus.io/port": "15020",
      "prometheus.io/path": "/stats/prometheus",
    };
    const status = {
      phase: "Running",
      podIP: "10.0.0.1",
      containerStatuses: [
        { state: { running: { startedAt: "2026-01-01T00:00:00Z" } } },
        { state: { running: { startedAt: "2026-01-01T00:00:02Z" } } },
      ],
    };
    assert.deepEqual(found({ pods: [pod(annotations, { status } as never)] }), [
      {
        cluster: "east",
        labels: {
          app: "web",
          a_b_c_d: "e",
          job: "kubernetes-pods",
          instance: "10.0.0.1:15020",
          cluster: "east",
          namespace: "shop",
          pod: "web-1",
          node: "node-1",
        },
        address: { kind: "http", host: "10.0.0.1", port: 15020, path: "/stats/prometheus" },
        startedAt: Date.parse("2026-01-01T00:00:02Z"),
      },
    ]);
  });

  test("every port of a pod that names none", () => {
    assert.deepEqual(found({ pods: [pod({ "prometheus.io/scrape": "true" })] }).map(addressText), [
      "http://10.0.0.1:80/metrics",
      "http://10.0.0.1:81/metrics",
    ]);
  });

  test.each([
    ["is not annotated", pod({})],
    ["does not want it", pod({ "prometheus.io/scrape": "false" })],
    ["has a port that is none", pod({ "prometheus.io/scrape": "true", "prometheus.io/port": "http" })],
    [
      "has ended",
      pod({ "prometheus.io/scrape": "true" }, { status: { phase: "Succeeded", podIP: "10.0.0.1" } }),
    ],
    ["has no address yet", pod({ "prometheus.io/scrape": "true" }, { status: { phase: "Running" } })],
  ])("no pod that %s", (_, one) => {
    assert.deepEqual(found({ pods: [one] }), []);
  });

  test("every endpoint of a Service that is annotated", () => {
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "shop", annotations: { "prometheus.io/scrape": "true" } },
      spec: {},
    } as Service;
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "web-x", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }],
      ports: [{ port: 9100 }],
    };
    assert.deepEqual(found({ services: [service], endpointSlices: [slice] }).map(addressText), [
      "http://10.0.0.1:9100/metrics",
      "http://10.0.0.2:9100/metrics",
    ]);
  });

  test("the state of objects, as kube-state-metrics tells it", () => {
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "shop" },
      spec: { replicas: 3 },
      status: { replicas: 2 },
    } as unknown as Deployment;
    const page = objectMetrics({ deployments: [deployment], pods: [pod({})], autoscalers: [] });
    const values = new Map<string, number>();
    readExposition(page, {
      sample: (series, value) => values.set(Object.values(readSeries(series)).join(" "), value),
    });
    assert.equal(values.get("kube_deployment_spec_replicas shop web"), 3);
    assert.equal(values.get("kube_deployment_status_replicas shop web"), 2);
    assert.equal(values.get("kube_pod_status_phase shop web-1 Running"), 1);
    assert.equal(values.get("kube_pod_status_phase shop web-1 Failed"), 0);
  });
});

suite("scraping", () => {
  const target = (instance: string): ScrapeTarget => ({
    cluster: "east",
    labels: { instance },
    address: { kind: "http", host: "127.0.0.1", port: 1, path: "/" },
  });
  const always = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

  test("goes on in rounds, follows the targets, and says how each is", async () => {
    const clock = createManualClock(1_000_000);
    const store = createMetricStore({ retention: 3_600_000, maxSamples: 100 });
    let targets = [target("a"), target("b")];
    let rounds = 0;
    const scraping = startScraping({
      store,
      interval: 5_000,
      clock,
      log: silentLogger,
      targets: () => targets,
      async fetch({ labels }) {
        rounds++;
        if (labels["instance"] === "b") throw new Error("connection refused");
        return "x 1\n";
      },
    });
    await waitFor(
      () => (rounds === 2 && scraping.states.every(({ health }) => health !== "unknown") ? true : undefined),
      deadline(),
    );
    assert.deepEqual(
      scraping.states.map(({ health, failure }) => [health, failure]),
      [
        ["up", undefined],
        ["down", "connection refused"],
      ],
    );
    const up = () =>
      store
        .select([createMatcher("__name__", "=", "up")], ...always)
        .map(({ labels, read }) => [labels["instance"], ...read(...always).values]);
    assert.deepEqual(up(), [
      ["a", 1],
      ["b", 0],
    ]);
    targets = [target("a")];
    await waitFor(() => {
      clock.move(100);
      return rounds >= 3 && scraping.states.length === 1 ? true : undefined;
    }, deadline());
    await scraping.round();
    assert.deepEqual(
      store.select([createMatcher("instance", "=", "b")], ...always).map((series) => series.isEnded),
      [true, true],
    );
    await scraping.stop();
    const ended = rounds;
    clock.move(60_000);
    assert.equal(rounds, ended);
  });

  test("pages come over real connections, which are kept; large, slow and failing ones are refused", async () => {
    let connections = 0;
    const server = createServer((request, response) => {
      if (request.url === "/slow") return;
      if (request.url === "/large") return void response.end(Buffer.alloc(33 * 1024 * 1024, 35));
      response.writeHead(request.url === "/" ? 200 : 404).end("x 1\n");
    });
    server.on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const pages = createPageFetcher();
    const fetch = (path: string, timeout = 5_000) => pages.fetch({ host: "127.0.0.1", port, path }, timeout);
    assert.equal(await fetch("/"), "x 1\n");
    assert.equal(await fetch("/"), "x 1\n");
    assert.equal(connections, 1);
    await assert.rejects(fetch("/nothing"), /HTTP status 404/);
    await assert.rejects(fetch("/slow", 20), /no answer within 0.02 s/);
    await assert.rejects(fetch("/large"), /more than 33554432 bytes/);
    pages.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
