import assert from "node:assert/strict";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findChromium, findKubectls } from "../support/tools.ts";
import { openConsole, startBrowser } from "./support/browser.ts";
import { edit, hello, startAks } from "./support/examples.ts";
import { versions } from "./support/hello.ts";
import { background, eventually, isthmus, type MeshUnderTest } from "./support/running-mesh.ts";

const clusters = ["main0", "remote0"] as const;

interface JaegerSpan {
  readonly spanID: string;
  readonly operationName: string;
  readonly duration: number;
  readonly references: readonly { readonly refType: string; readonly spanID: string }[];
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
  readonly processID: string;
}

interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

suite.skipIf(findKubectls().length === 0)("traces and logs over all clusters [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startAks({
      prepare(folder) {
        const file = path.join(folder, "mesh.yaml");
        edit(
          file,
          "name: istiodemo",
          "name: istiodemo\nistio: { meshConfig: { accessLogFile: /dev/stdout } }",
        );
        // On a network of its own each: proxies report to their own cluster's.
        edit(file, "addons: [prometheus, kiali]", "addons: { jaeger: 30002, kiali: 30003 }");
        edit(file, "primary: main0", "primary: main0\n    addons: [jaeger]");
      },
    });
  });
  afterAll(() => mesh?.stop());

  const dashboards = async (...args: string[]): Promise<readonly { cluster: string; url: string }[]> => {
    const { stdout, stderr } = await mesh.isthmus("dashboard", "jaeger", "-o", "json", ...args);
    assert.equal(stderr, "");
    return JSON.parse(stdout);
  };
  const jaegerIn = async (cluster: string) => (await dashboards("--cluster", cluster))[0]?.url ?? "";
  const tracesOf = async (url: string, query: string): Promise<readonly JaegerTrace[]> => {
    const { data } = (await (await fetch(`${url}api/traces?${query}`)).json()) as {
      data: readonly JaegerTrace[];
    };
    return data;
  };
  const serviceOf = (trace: JaegerTrace, { processID }: JaegerSpan) =>
    trace.processes[processID]?.serviceName;
  const tagOf = ({ tags }: JaegerSpan, wanted: string) => tags.find(({ key }) => key === wanted)?.value;

  test("jaeger runs as Istio's sample does; status and dashboard say where its page is, at the port of the mesh file", async () => {
    const { addons } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
    assert.deepEqual(
      addons.map(({ cluster, name, namespace }: Record<string, string>) => [cluster, name, namespace]),
      [
        ["main0", "jaeger", "istio-system"],
        ["main0", "kiali", "istio-system"],
        ["remote0", "jaeger", "istio-system"],
      ],
    );
    const [main, remote] = await dashboards();
    assert.match(main?.url ?? "", /^http:\/\/127\.\d+\.254\.1:30002\/$/);
    assert.match(remote?.url ?? "", /^http:\/\/127\.\d+\.128\.\d+(:\d+)?\/$/);
    for (const { url } of [main, remote].filter((one) => one !== undefined))
      assert.match(await (await fetch(url)).text(), /<h1>Traces<\/h1>/);
    assert.match(
      await mesh.kubectl(
        "main0",
        "-n",
        "istio-system",
        "get",
        "deploy,svc",
        "-l",
        "app=jaeger",
        "-o",
        "name",
      ),
      /deployment\.apps\/jaeger\nservice\/jaeger-collector\nservice\/tracing\nservice\/zipkin\n/,
    );
  });

  test("kiali leads to the console of the whole mesh, which asks for its token there too", async () => {
    const { stdout } = await mesh.isthmus("dashboard", "kiali");
    const url = new URL(stdout.trim());
    assert.match(url.origin, /^http:\/\/127\.\d+\.254\.1:30003$/);
    const opened = await fetch(url, { redirect: "manual" });
    assert.deepEqual([opened.status, opened.headers.get("location")], [302, `/${url.search}`]);
    const page = await fetch(url);
    assert.match(page.headers.get("set-cookie") ?? "", /HttpOnly; SameSite=Strict/);
    const token = url.searchParams.get("token");
    const api = await fetch(`${url.origin}/api/mesh`, { headers: { authorization: `Bearer ${token}` } });
    const { clusters: shown } = (await api.json()) as { clusters: readonly { name: string }[] };
    assert.deepEqual(
      shown.map(({ name }) => name),
      clusters,
    );
    assert.equal((await fetch(`${url.origin}/api/mesh`)).status, 401);
    assert.equal((await fetch(`${url.origin}/kiali/healthz`)).status, 200);
  });

  test("a request that crosses clusters is one trace: the caller's span and below it that of the pod which answered", async () => {
    const id = "463ac35c9f6413ad48485a3953bb6124";
    // Until one was answered in the other cluster.
    const answer = await eventually(async () => {
      const [line = ""] = await mesh.curl(
        "main0",
        hello,
        1,
        "-H",
        `x-b3-traceid: ${id}`,
        "-H",
        "x-b3-spanid: 00000000000000aa",
        "-H",
        "x-b3-sampled: 1",
      );
      return versions([line]).v2 === 1 ? line : undefined;
    }, 20_000);
    assert.match(answer, /v2/);
    for (const cluster of clusters) {
      const url = await jaegerIn(cluster);
      // Each proxy reports by itself, so that either span may come first.
      const { trace, server, parent } = await eventually(async () => {
        const { data } = (await (await fetch(`${url}api/traces/${id}`)).json()) as {
          data: readonly JaegerTrace[] | null;
        };
        const trace = data?.[0];
        const server = trace?.spans.find((span) => tagOf(span, "istio.cluster_id") === "remote0");
        const parent = trace?.spans.find(({ spanID }) => spanID === server?.references[0]?.spanID);
        return trace && server && parent && { trace, server, parent };
      }, 20_000);
      assert.equal(serviceOf(trace, server), "helloworld.sample");
      assert.equal(serviceOf(trace, parent), "sleep.sample");
      assert.deepEqual(
        parent.references.map(({ refType, spanID }) => [refType, spanID]),
        [["CHILD_OF", "00000000000000aa"]],
      );
      assert.ok(server.duration > 0 && parent.duration >= server.duration);
      assert.equal(tagOf(server, "http.status_code"), "200");
    }
  });

  test("every request is traced without being asked to, and found by its service, tags and duration", async () => {
    await mesh.curl("remote0", hello, 8);
    const url = await jaegerIn("main0");
    const traces = await eventually(async () => {
      const found = await tracesOf(url, "service=sleep.sample&tags=istio.cluster_id=remote0&limit=100");
      // Both proxies report by themselves, some spans together.
      return found.length >= 8 && found.every(({ spans }) => spans.length > 1) ? found : undefined;
    }, 15_000);
    for (const { spans } of traces) assert.equal(spans.length, 2);
    assert.deepEqual(await tracesOf(url, "service=helloworld.sample&minDuration=1h"), []);
    const page = await (await fetch(`${url}search?service=helloworld.sample`)).text();
    assert.match(page, /sleep\.sample: helloworld\.sample\.svc\.cluster\.local:5000\/\*/);
  });

  test("logs shows what apps of all clusters wrote, of one workload or of all", async () => {
    const all = await mesh.isthmus("logs", "-n", "istio-system");
    assert.equal(all.code, 0, all.stderr);
    for (const start of ["main0 istiod-", "main0 jaeger-", "remote0 jaeger-"])
      assert.match(all.stdout, new RegExp(`^${start}\\S+\\.istio-system  \\S`, "m"));
    assert.doesNotMatch(
      all.stdout,
      /istio-ingressgateway/,
      "proxies are left out where nobody asks for them",
    );
    const one = await mesh.isthmus(
      "logs",
      "deploy/jaeger.istio-system",
      "--cluster",
      "remote0",
      "-o",
      "json",
    );
    const lines = one.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.ok(lines.length > 0);
    for (const { cluster, namespace, pod, container, at } of lines) {
      assert.deepEqual([cluster, namespace, container], ["remote0", "istio-system", "jaeger"]);
      assert.match(pod, /^jaeger-/);
      assert.ok(Date.parse(at) > 0);
    }
    const proxy = await mesh.isthmus(
      "logs",
      "deploy/sleep.sample",
      "--container",
      "istio-proxy",
      "--tail",
      "1",
    );
    assert.equal(proxy.stdout.trim().split("\n").length, clusters.length);
  });

  test("logs --access finds the requests in the logs of both sides' proxies, by service, code and cluster", async () => {
    await mesh.curl("main0", hello, 20);
    await mesh.curl("main0", "helloworld.sample:5000/nowhere", 2);
    const access = async (...args: string[]) => {
      const { stdout, stderr, code } = await mesh.isthmus("logs", "--access", "-o", "json", ...args);
      assert.equal(code, 0, stderr);
      return stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line));
    };
    const records = await eventually(async () => {
      const found = await access("--service", "helloworld.sample", "--path", "/hello", "--code", "2xx");
      // Each proxy writes for itself.
      for (const [cluster, side] of [
        ["main0", "client"],
        ["main0", "server"],
        ["remote0", "server"],
      ])
        assert.ok(
          found.some((record) => record.cluster === cluster && record.side === side),
          `${cluster} ${side}`,
        );
      return found;
    });
    for (const { destination, status } of records) {
      assert.equal(destination.port, 5000);
      assert.equal(status, 200);
    }
    await eventually(async () => {
      const lost = await access("--code", "404", "--cluster", "main0", "--side", "client");
      return lost.filter(({ path: asked }) => asked.startsWith("/nowhere")).length >= 2;
    });
    assert.deepEqual(await access("--service", "nobody.sample"), []);
  });

  test("logs --access --trail tells a request's way over both clusters, decision by decision", async () => {
    const trail = await eventually(async () => {
      await mesh.curl("main0", hello, 4);
      const { stdout, stderr, code } = await mesh.isthmus(
        "logs",
        "--access",
        "--trail",
        "--service",
        "helloworld.sample",
        "--since",
        "1m",
      );
      assert.equal(code, 0, stderr);
      return stdout.split("\n\n").find((one) => /remote0 +helloworld-v2-\S+ +its app answers 200/.test(one));
    }, 15_000);
    const wanted = [
      /main0 +sleep-\S+\.sample +asks for GET helloworld\.sample:5000\/hello/,
      /main0 +sleep-\S+\.sample +the service's own route leads to helloworld\.sample\.svc\.cluster\.local:5000/,
      /main0 +sleep-\S+\.sample +takes the endpoint 127\.\d+\.255\.\d+:\d+, the gateway istio-ingressgateway of remote0/,
      /remote0 +helloworld-v2-\S+\.sample +gets it over mutual TLS from pod istio-ingressgateway-\S+\.istio-system/,
      /remote0 +helloworld-v2-\S+\.sample +its app answers 200 after \d+ ms/,
      /main0 +sleep-\S+\.sample +gets 200 after \d+ ms/,
    ];
    for (const step of wanted) assert.match(trail, step);
  });

  test("logs --access --follow goes on with what comes", async () => {
    const following = background(
      process.execPath,
      [isthmus, "logs", "--access", "--follow", "--path", "/hello?n=", "--side", "client"],
      mesh.folder,
    );
    try {
      await eventually(async () => {
        await mesh.curl("main0", hello);
        return following.said().includes("GET helloworld.sample.svc.cluster.local:5000/hello?n=1  200");
      }, 15_000);
      assert.match(following.said(), /main0 sleep-\S+\.sample {2}→ {2}GET/);
    } finally {
      following.end();
      await following.result;
    }
  });

  test.skipIf(findChromium() === undefined)(
    "the console's Live page tells requests and every decision about one, its Traces page opens a trace [needs chromium]",
    async () => {
      const browser = await startBrowser();
      try {
        const { page, view, complaints } = await openConsole(browser, mesh);
        await view("/live?service=helloworld.sample");
        // Until one crossed to the other cluster: requests come while the page is open.
        const crossed = page.locator("tr", { hasText: "helloworld-v2" }).filter({ hasText: "main0" }).first();
        await eventually(async () => {
          await mesh.curl("main0", hello, 4);
          return (await crossed.count()) > 0;
        }, 20_000);
        await crossed.getByRole("button").click();
        const trail = page.getByRole("region", { name: "Decisions about the request" });
        await trail.waitFor();
        await eventually(async () => {
          const steps = await trail.locator("li").allInnerTexts();
          for (const step of [
            /asks for GET helloworld/,
            /the gateway istio-ingressgateway of remote0/,
            /over mutual TLS/,
            /its app answers 200/,
          ])
            assert.ok(
              steps.some((text) => step.test(text)),
              `${step} in ${steps.join("\n")}`,
            );
          return true;
        });
        assert.match(page.url(), /request=/);
        await view("/traces?service=helloworld.sample");
        // With the spans of both sides: the newest may wait for one.
        const whole = page.getByRole("row", { name: /sleep\.sample 1, helloworld\.sample 1/ });
        const first = whole.getByRole("link").first();
        await first.waitFor();
        await first.click();
        const spans = page.getByRole("region", { name: "Spans" });
        await spans.waitFor();
        await eventually(async () =>
          /sleep\.sample[\s\S]*helloworld\.sample/.test((await spans.textContent()) ?? ""),
        );
        await spans.getByRole("button").last().click();
        const span = page.getByRole("region", { name: "Span", exact: true });
        await eventually(async () => /http\.status_code\s*200/.test((await span.textContent()) ?? ""));
        assert.deepEqual(complaints, []);
      } finally {
        await browser.close();
      }
    },
  );

  test("logs says what is wrong with its arguments", async () => {
    for (const [args, reason] of [
      [["logs", "pods/x/y"], /names no workload/],
      [["logs", "--since", "soon"], /--since wants 500ms, 10s, 2m or 1h, not "soon"/],
      [["logs", "--access", "--code", "9xx"], /--code wants a status/],
      [["logs", "--access", "--side", "left"], /--side is client, server or passthrough/],
      [["logs", "--cluster", "nowhere"], /no context "nowhere"/],
      [["logs", "--trail"], /--trail goes with --access/],
    ] as const) {
      const { code, stderr } = await mesh.isthmus(...args);
      assert.match(stderr, reason);
      assert.notEqual(code, 0);
    }
  });

  test("a cluster that is stopped takes none of its traces with it; logs say that it is away and go on with the others", async () => {
    const url = await jaegerIn("main0");
    const ofRemote = "service=sleep.sample&tags=istio.cluster_id=remote0&limit=100";
    const before = await tracesOf(url, ofRemote);
    assert.ok(before.length > 0);
    assert.equal((await mesh.isthmus("cluster", "stop", "remote0")).code, 0);
    const ids = (traces: readonly JaegerTrace[]) => traces.map(({ traceID }) => traceID).sort();
    const after = ids(await tracesOf(url, ofRemote));
    // Some may have come meanwhile.
    for (const id of ids(before)) assert.ok(after.includes(id), id);
    const { stdout, stderr, code } = await mesh.isthmus("logs", "-n", "istio-system");
    assert.match(stderr, /^remote0: .*remote0 is stopped/m);
    assert.match(stdout, /^main0 jaeger-/m);
    assert.equal(code, 1);
  });
});
