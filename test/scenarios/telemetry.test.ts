import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import type { MeshPage, Traffic, TrafficPage, WorkloadsPage } from "../../src/console/index.ts";
import type { MeshStatus } from "../../src/engine/index.ts";
import type { TrafficEdge, TrafficGraph, WorkloadSummary } from "../../src/telemetry/index.ts";
import { startKiali } from "../conformance/kiali/kiali-process.ts";
import { startPrometheus } from "../conformance/prometheus/prometheus-process.ts";
import { findKiali, findKubectls, findPrometheus } from "../support/tools.ts";
import { hello, startAks } from "./support/examples.ts";
import { assertShare, versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

/** What Kiali says of a graph: as much of it as is looked at. */
interface KialiGraph {
  readonly elements: {
    readonly nodes: readonly { readonly data: { id: string; workload?: string; cluster: string } }[];
    readonly edges: readonly {
      readonly data: { source: string; target: string; isMTLS?: string; sourcePrincipal?: string };
    }[];
  };
}

suite.skipIf(findKubectls().length === 0)("telemetry of a mesh of two clusters [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  let answered = { v1: 0, v2: 0 };

  /** Long enough for all that is sent at the start to be in it when the last test looks. */
  const range = ["--range", "10m"] as const;
  const seconds = 600;
  const graph = async (...args: string[]): Promise<TrafficGraph> => {
    const { code, stdout, stderr } = await mesh.isthmus("graph", "-o", "json", ...range, ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const edgeTo = ({ edges }: TrafficGraph, to: string): TrafficEdge => {
    const found = edges.filter((edge) => edge.to === to);
    assert.equal(found.length, 1, JSON.stringify(edges.map(({ from, to }) => `${from} -> ${to}`)));
    return found[0] as TrafficEdge;
  };

  const prometheus = async (): Promise<string> => {
    const { stdout } = await mesh.isthmus("dashboard", "prometheus");
    return stdout.trim();
  };
  /** An instant query of the add-on: values by the labels that are asked for, parted by blanks. */
  const query = async (expression: string, ...labels: string[]): Promise<Record<string, number>> => {
    const body = new URLSearchParams({ query: expression });
    const response = await fetch(new URL("/api/v1/query", await prometheus()), { method: "POST", body });
    const { data } = (await response.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return Object.fromEntries(
      data.result.map(({ metric, value }) => [
        labels.map((label) => metric[label]).join(" "),
        Number(value[1]),
      ]),
    );
  };

  beforeAll(async () => {
    mesh = await startAks();
    // Requests are only counted evenly once both endpoints are known.
    await eventually(async () => versions(await mesh.curl("main0", hello, 4)).v2 > 0);
    answered = versions(await mesh.curl("main0", hello, 100));
  });
  afterAll(() => mesh?.stop());

  test("the graph has every request once, from its caller to the workload that answered, in whichever cluster", async () => {
    const drawn = await eventually(async () => {
      const now = await graph("--namespace", "sample");
      const total = now.edges.reduce((sum, edge) => sum + edge.requestsPerSecond * seconds, 0);
      return total >= 95 && now.edges.length === 2 && now;
    });
    const near = edgeTo(drawn, "workload:main0/sample/helloworld-v1");
    const far = edgeTo(drawn, "workload:remote0/sample/helloworld-v2");
    assert.equal(drawn.edges.length, 2);
    for (const edge of [near, far]) {
      assert.equal(edge.from, "workload:main0/sample/sleep");
      assert.equal(edge.protocol, "http");
      assert.equal(edge.failedPerSecond, 0);
      assert.equal(edge.mutualTls, 1);
      assert.deepEqual(edge.principals, {
        from: "spiffe://cluster.local/ns/sample/sa/sleep",
        to: "spiffe://cluster.local/ns/sample/sa/default",
      });
      assert.equal(edge.service, "helloworld.sample.svc.cluster.local");
      const { p50 = 0, p99 = 0 } = edge.latencyMs ?? {};
      assert.ok(p50 > 0 && p50 <= p99, JSON.stringify(edge.latencyMs));
    }
    assert.deepEqual([near.crossesNetwork, far.crossesNetwork], [false, true]);
    const share = (answered.v1 / (answered.v1 + answered.v2)) * 100;
    assertShare(Math.round(near.share * 1000), 1000, [share - 10, share + 10], "v1 in the graph");
    assert.ok(Math.abs(near.share + far.share - 1) < 1e-9);
  });

  test("what proxies tell each other about themselves, no client gets to see", async () => {
    const headers = await mesh.curl("main0", hello, 1, "-D", "-", "-o", "/dev/null");
    assert.ok(
      headers.some((line) => /^HTTP\/1.1 200/.test(line)),
      headers.join("\n"),
    );
    assert.deepEqual(
      headers.filter((line) => /peer-metadata/i.test(line)),
      [],
    );
  });

  test("the same traffic by service, by cluster and as a table", async () => {
    const byService = await graph("--namespace", "sample", "--services");
    assert.equal(edgeTo(byService, "service:main0/sample/helloworld").share, 1);
    const byCluster = await graph("--namespace", "sample", "--level", "cluster");
    assert.deepEqual(
      byCluster.edges.map(({ from, to }) => [from, to]),
      [
        ["cluster:main0", "cluster:main0"],
        ["cluster:main0", "cluster:remote0"],
      ],
    );
    const { stdout } = await mesh.isthmus("graph", "--namespace", "sample", ...range);
    assert.match(
      stdout,
      /main0 {2}sample\/sleep +⇒ +remote0 {2}sample\/helloworld-v2 +http +[\d.]+ +\d+ % +0 % .*✓/,
    );
  });

  test("AKS-24 OKE-12 requests are counted with their clusters and versions, and the metrics of both clusters are in one place", async () => {
    const labels = ["source_cluster", "destination_cluster", "destination_version"];
    const bySource = 'istio_requests_total{reporter="source", source_workload="sleep"}';
    const byDestination =
      'sum by (cluster, destination_version) (istio_requests_total{reporter="destination"})';
    await eventually(async () => {
      const counted = await query(`sum by (${labels}) (${bySource})`, ...labels);
      const arrived = await query(byDestination, "cluster", "destination_version");
      // At least four requests were sent until both versions answered, 100 after them.
      const total = Object.values(counted).reduce((sum, count) => sum + count, 0);
      assert.ok(total >= 104, `${total} requests`);
      assert.deepEqual(Object.keys(counted).sort(), ["main0 main0 v1", "main0 remote0 v2"]);
      // Both ends are read at times of their own, so they agree once nothing more comes.
      assert.deepEqual(arrived, {
        "main0 v1": counted["main0 main0 v1"],
        "remote0 v2": counted["main0 remote0 v2"],
      });
      return true;
    }, 15_000);
    await eventually(async () => {
      const up = await query('min by (cluster) (up{job="kubernetes-pods"})', "cluster");
      assert.deepEqual(up, { main0: 1, remote0: 1 });
      return true;
    });
  });

  test.skipIf(findPrometheus() === undefined)(
    "a real Prometheus scrapes every page of the mesh, and counts the same [needs prometheus]",
    async () => {
      const own = await prometheus();
      const { data } = (await (await fetch(new URL("/api/v1/targets?state=active", own))).json()) as {
        data: { activeTargets: { scrapeUrl: string; health: string }[] };
      };
      const pages = data.activeTargets
        .map(({ scrapeUrl }) => new URL(scrapeUrl))
        .filter(({ protocol }) => protocol === "http:");
      assert.ok(pages.length >= 7, `${pages.length} pages`);
      const config = {
        global: { scrape_interval: "1s" },
        scrape_configs: pages.map(({ host, pathname }, i) => ({
          job_name: `page-${i}`,
          metrics_path: pathname,
          static_configs: [{ targets: [host] }],
        })),
      };
      const real = await startPrometheus(findPrometheus() ?? "", { config: JSON.stringify(config) });
      try {
        const ask = async (url: string, expression: string): Promise<number> => {
          const parameters = new URLSearchParams({ query: expression });
          const { data: answer } = (await (
            await fetch(new URL(`/api/v1/query?${parameters}`, url))
          ).json()) as {
            data: { result: { value: [number, string] }[] };
          };
          return Number(answer.result[0]?.value[1]);
        };
        await eventually(async () => (await ask(real.url, "sum(up)")) === pages.length, 15_000);
        for (const expression of [
          "sum(istio_requests_total)",
          "sum(istio_request_duration_milliseconds_sum)",
          "count(istio_request_bytes_bucket)",
          "sum(pilot_xds_pushes)",
        ])
          await eventually(async () => {
            const [theirs, ours] = [await ask(real.url, expression), await ask(own, expression)];
            assert.ok(Math.abs(theirs - ours) < 1e-6 * theirs, `${expression}: ${theirs} and ${ours}`);
            return true;
          }, 15_000);
      } finally {
        await real.stop();
      }
    },
  );

  test("AKS-27 the add-on is there with the mesh, at the place that status names", async () => {
    const { stdout } = await mesh.isthmus("status", "-o", "json");
    const { addons } = JSON.parse(stdout);
    const url = await prometheus();
    assert.deepEqual(
      addons.find(({ name }: { name: string }) => name === "prometheus"),
      { cluster: "main0", name: "prometheus", namespace: "istio-system", url },
    );
    assert.equal((await fetch(new URL("/-/ready", url))).status, 200);
    const page = await (await fetch(new URL("/graph?range=5m&expr=sum(up)", url))).text();
    assert.match(page, /<path class="line [^>]*d="M/);
    const ready = await mesh.kubectl(
      "main0",
      "-n",
      "istio-system",
      "get",
      "deploy",
      "prometheus",
      "-o",
      "jsonpath={.status.readyReplicas}",
    );
    assert.equal(ready, "1");
  });

  test("top lists workloads by their traffic, with what their containers use", async () => {
    const { stdout } = await mesh.isthmus("top", "--namespace", "sample", "-o", "json", ...range);
    const all: WorkloadSummary[] = JSON.parse(stdout);
    const sleep = all.find(({ cluster, workload }) => cluster === "main0" && workload === "sleep");
    assert.ok((sleep?.outgoing.requestsPerSecond ?? 0) * seconds >= 95, stdout);
    assert.equal(all[0]?.workload, "sleep");
    const served = all.find(({ cluster, workload }) => cluster === "remote0" && workload === "helloworld-v2");
    assert.ok((served?.incoming.latencyMs?.p50 ?? 0) > 0, stdout);
    assert.ok((served?.memory ?? 0) > 0, stdout);
    assert.match(
      (await mesh.isthmus("top", ...range)).stdout,
      /^CLUSTER +NAMESPACE +WORKLOAD .*\nmain0 +sample +sleep /,
    );
  });

  test("graph, top and status print the numbers that the console's pages show", async () => {
    const said = async <T>(...args: string[]): Promise<T> =>
      JSON.parse((await mesh.isthmus(...args, "-o", "json")).stdout);
    const { origin, searchParams } = new URL((await said<{ url: string }>("console")).url);
    const headers = { authorization: `Bearer ${searchParams.get("token")}` };
    const page = async <T>(address: string): Promise<T> =>
      (await (await fetch(`${origin}${address}`, { headers })).json()) as T;

    await eventually(async () => {
      const { at, nodes, edges } = await graph("--namespace", "sample", "--range", "30m");
      const shown = await page<TrafficPage>(`/api/traffic?level=workload&ns=sample&range=1800&at=${at}`);
      assert.ok(edges.length > 0);
      assert.deepEqual({ nodes: shown.graph?.nodes, edges: shown.graph?.edges }, { nodes, edges });
      return true;
    });
    // Every request lies within so long a range: whenever one asks, each workload has the same part of them.
    const parts = (rows: readonly { workload: string; incoming?: Traffic; outgoing?: Traffic }[]) => {
      const all = rows.reduce((sum, { outgoing }) => sum + (outgoing?.requestsPerSecond ?? 0), 0);
      const part = (side?: Traffic) => Math.round((100 * (side?.requestsPerSecond ?? 0)) / all);
      const p95 = (side?: Traffic) => side?.latencyMs?.p95.toFixed(3);
      return rows
        .map(({ workload, incoming, outgoing }) =>
          [workload, part(incoming), p95(incoming), part(outgoing), p95(outgoing)].join(" "),
        )
        .filter((text) => !/ 0 {2}0 $/.test(text))
        .sort();
    };
    await eventually(async () => {
      const printed = await said<WorkloadSummary[]>("top", "--range", "30m", "--namespace", "sample");
      const { workloads } = await page<WorkloadsPage>("/api/workloads?range=1800");
      const shown = workloads
        .filter(({ namespace }) => namespace === "sample")
        .map(({ cluster, name, inbound: incoming, outbound: outgoing }) => ({
          workload: `${cluster}/${name}`,
          ...(incoming === undefined ? {} : { incoming }),
          ...(outgoing === undefined ? {} : { outgoing }),
        }));
      const named = printed.map((one) => ({ ...one, workload: `${one.cluster}/${one.workload}` }));
      assert.equal(parts(named).length, 3, JSON.stringify(parts(named)));
      assert.deepEqual(parts(shown), parts(named));
      return true;
    });
    await eventually(async () => {
      const status = await said<MeshStatus>("status");
      const { clusters } = await page<MeshPage>("/api/mesh");
      const proxiesOf = (name: string) => status.proxies.filter(({ cluster }) => cluster === name);
      assert.deepEqual(
        clusters.map(({ name, state, pods, proxies, gateways }) => ({
          name,
          state,
          pods,
          proxies,
          gateways,
        })),
        status.clusters.map(({ name, state, pods }) => ({
          name,
          state,
          pods,
          proxies: {
            synced: proxiesOf(name).filter((one) => one.state === "SYNCED").length,
            total: proxiesOf(name).length,
          },
          gateways: status.gateways.filter(({ cluster }) => cluster === name),
        })),
      );
      return true;
    });
  });

  test.skipIf(findKiali() === undefined)(
    "a real Kiali draws both clusters' traffic with its identities, and finds istiod well [needs kiali]",
    async () => {
      const contexts = ["main0", "remote0"];
      const kiali = await startKiali(findKiali() ?? "", {
        kubeconfig: mesh.kubeconfig,
        contexts,
        prometheus: new URL(await prometheus()).origin,
      });
      const ask = async (address: string) => (await fetch(`${kiali.api}${address}`)).json();
      try {
        await eventually(async () => {
          // Prometheus counts what a series gains while it is watched, so there must be requests meanwhile; and Kiali
          // gives the same graph for a minute unless it is told not to keep any.
          await mesh.curl("main0", hello, 8);
          const { elements } = (await ask(
            "/namespaces/graph?namespaces=sample&graphType=workload&duration=60s&appenders=securityPolicy&refreshInterval=0",
          )) as KialiGraph;
          const nodes = new Map(elements.nodes.map(({ data }) => [data.id, data]));
          const drawn = elements.edges.map(({ data }) => ({
            from: nodes.get(data.source)?.workload,
            to: nodes.get(data.target)?.workload,
            cluster: nodes.get(data.target)?.cluster,
            isMTLS: data.isMTLS,
            sourcePrincipal: data.sourcePrincipal,
          }));
          const edge = (to: string, cluster: string) => ({
            from: "sleep",
            to,
            cluster,
            isMTLS: "100",
            sourcePrincipal: "spiffe://cluster.local/ns/sample/sa/sleep",
          });
          assert.deepEqual(
            drawn.sort((a, b) => String(a.to).localeCompare(String(b.to))),
            [edge("helloworld-v1", "main0"), edge("helloworld-v2", "remote0")],
          );
          return true;
        });
        await eventually(async () => {
          const components = (await ask("/istio/status")) as Record<string, string>[];
          const istiod = components.find(({ cluster, name }) => cluster === "main0" && name === "istiod");
          assert.equal(istiod?.["status"], "Healthy");
          return true;
        });
      } finally {
        await kiali.stop();
      }
    },
  );

  test("a graph of something else is refused with what there is", async () => {
    const { code, stderr } = await mesh.isthmus("graph", "--level", "planet");
    assert.equal(code, 3);
    assert.match(stderr, /there is no graph of "planet"[\s\S]*workload, app, versionedApp, service, cluster/);
    assert.match(
      (await mesh.isthmus("graph", "--namespace", "nowhere")).stdout,
      /No traffic in the last 60 s/,
    );
  });
});
