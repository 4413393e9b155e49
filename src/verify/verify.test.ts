import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import type { EndpointSlice, KubeClient, KubeObject, Pod, Service } from "../kube/index.ts";
import { countedArrivals, countLosses, isMutualTls, runVerification, type VerifyTarget } from "./index.ts";

const never = new AbortController().signal;

interface Cluster {
  readonly name: string;
  readonly network: string;
  readonly objects: Readonly<Record<string, readonly KubeObject[]>>;
}

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
};
const pod = (name: string, version: string, sidecar = true): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop", labels: { version } },
  spec: { containers: [{ name: "app" }, ...(sidecar ? [{ name: "istio-proxy" }] : [])] },
  status: { podIP: "127.16.0.9", conditions: [{ type: "Ready", status: "True" }] },
});
const slice = (name: string): EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  endpoints: [{ addresses: ["127.16.0.9"], conditions: { ready: true }, targetRef: { kind: "Pod", name } }],
  ports: [{ name: "http", port: 8080 }],
});
const cluster = (name: string, network: string, version: string): Cluster => ({
  name,
  network,
  objects: {
    pods: [pod(`web-${version}`, version), pod(`client-${name}`, "none")],
    services: [service],
    endpointslices: [slice(`web-${version}`)],
  },
});

/** A mesh in which `answer` says which backend takes the nth request; undefined fails. */
function target(
  clusters: readonly Cluster[],
  answer: (n: number) => string | undefined,
  listens = true,
): VerifyTarget {
  const counts = new Map<string, number>();
  let sent = 0;
  return {
    clusters: clusters.map(({ name, network, objects }) => ({
      name,
      network,
      client: {
        list: async ({ plural }: { plural: string }) => ({
          items: objects[plural] ?? [],
          resourceVersion: "1",
        }),
      } as unknown as KubeClient,
    })),
    async requests(_from, _url, count) {
      return Array.from({ length: count }, () => {
        const name = answer(sent++);
        if (name === undefined) return { status: 503, milliseconds: 1, failure: "no healthy upstream" };
        counts.set(name, (counts.get(name) ?? 0) + 1);
        return { status: 200, milliseconds: 1 };
      });
    },
    async arrivals({ name }, port) {
      const stats = new Map([["cluster.inbound|8080||.upstream_rq_total", counts.get(name) ?? 0]]);
      return { requests: countedArrivals(stats, port) };
    },
    async speaksMutualTls(_from, called) {
      return isMutualTls(
        new Map([
          ["cluster.outbound|80||web.shop.svc.cluster.local.upstream_cx_total", 3],
          ["cluster.outbound|80||web.shop.svc.cluster.local.upstream_cx_connect_fail", 1],
          ["cluster.outbound|80||web.shop.svc.cluster.local.ssl.handshake", 2],
        ]),
        called,
      );
    },
    silence: async (_pod, port) => (listens ? undefined : `nothing listens on port ${port}`),
    handshake: async () => ({ isReached: true, accepted: false, detail: "closed" }),
  };
}

const exported: KubeObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: { name: "web", namespace: "istio-system" },
  spec: {
    hosts: ["web.shop.global"],
    location: "MESH_INTERNAL",
    ports: [{ number: 80, name: "http", protocol: "HTTP" }],
  },
} as KubeObject;

const two = [cluster("fra", "n1", "v1"), cluster("ash", "n2", "v2")];

suite("runVerification()", () => {
  test("counts where requests arrive, and says which crossed networks", async () => {
    const report = await runVerification(
      target(two, (n) => (n % 2 === 0 ? "web-v1" : "web-v2")),
      { requests: 10, signal: never },
    );
    assert.ok(report.ok);
    const [fra] = report.services[0]?.cells ?? [];
    assert.deepEqual(
      fra?.shares.map(({ group, received, path }) => [group, received, path]),
      [
        ["v1 (fra)", 5, "local"],
        ["v2 (ash)", 5, "gateway"],
      ],
    );
    assert.equal(fra?.from.name, "client-fra");
    assert.ok(fra?.mtls);
  });

  test("LIQO-31 a pod that one cluster has placed in another counts once, where it runs, and calls from there", async () => {
    const home = cluster("home", "n1", "v1");
    const reflected = (name: string) => {
      const one = pod(name, "v2");
      const labels = { ...one.metadata.labels, "offloading.liqo.io/origin": "home" };
      return { ...one, metadata: { ...one.metadata, labels } };
    };
    const placed = [pod("web-v2", "v2"), pod("client-far", "none")];
    const clusters: Cluster[] = [
      {
        ...home,
        objects: {
          ...home.objects,
          pods: [...placed, ...(home.objects["pods"] ?? [])],
          endpointslices: [slice("web-v1"), slice("web-v2")],
        },
      },
      {
        name: "far",
        network: "n1",
        objects: {
          pods: placed.map(({ metadata }) => reflected(metadata.name)),
          services: [service],
          endpointslices: [slice("web-v1"), slice("web-v2")],
        },
      },
    ];
    const { services } = await runVerification(
      target(clusters, () => "web-v2"),
      { requests: 4, signal: never },
    );
    assert.deepEqual(
      services[0]?.cells.map(({ from, shares }) => [
        `${from.name} in ${from.cluster}`,
        ...shares.map(({ group, received, pods }) => `${group}: ${received} at ${pods}`),
      ]),
      [
        ["client-home in home", "v1 (home): 0 at 1", "v2 (far): 4 at 1"],
        ["client-far in far", "v1 (home): 0 at 1", "v2 (far): 4 at 1"],
      ],
    );
  });

  test("a failed request fails the verdict and is quoted", async () => {
    const report = await runVerification(
      target(two, (n) => (n === 3 ? undefined : "web-v1")),
      { requests: 10, signal: never },
    );
    assert.equal(report.ok, false);
    assert.match(
      report.services[0]?.problems[0] ?? "",
      /web\.shop from fra: 1 of 10 requests failed \(no healthy upstream\)/,
    );
  });

  test("a sidecar that can't be asked fails its service, and the others are proved all the same", async () => {
    const mesh = target(two, () => "web-v1");
    let asked = 0;
    const report = await runVerification(
      {
        ...mesh,
        async arrivals(...args) {
          if (asked++ === 0) throw new IsthmusError("verify/failed", "the metrics of web-v1 can't be read");
          return mesh.arrivals(...args);
        },
      },
      { requests: 2, signal: never },
    );
    assert.equal(report.ok, false);
    const [web] = report.services;
    assert.deepEqual(web?.problems, ["web.shop from fra: the metrics of web-v1 can't be read"]);
    assert.deepEqual(
      web?.cells.map(({ from }) => from.cluster),
      ["ash"],
    );
  });

  test("counts that lag are waited for", async () => {
    const mesh = target(two, () => "web-v1");
    let asked = 0;
    const report = await runVerification(
      {
        ...mesh,
        countsLag: 10_000,
        // Of the first cell: before, at once after it, a while later.
        arrivals: async (pod, ...args) =>
          ++asked === 3 || asked === 4 ? { requests: 0 } : mesh.arrivals(pod, ...args),
      },
      { requests: 2, signal: never },
    );
    assert.deepEqual(
      report.services[0]?.cells[0]?.shares.map(({ received }) => received),
      [2, 0],
    );
  });

  test("answers that no sidecar of the service counted are said, not blamed", async () => {
    const report = await runVerification(
      target(two, () => "elsewhere"),
      { requests: 4, signal: never },
    );
    assert.ok(report.ok);
    assert.ok(
      report.skipped.some((text) => /4 of 4 answers were not counted/.test(text)),
      report.skipped.join("\n"),
    );
  });

  test("a service whose pods listen on nothing is left out by name, and nothing proved is no proof", async () => {
    const report = await runVerification(
      target(two, () => "web-v1", false),
      { requests: 4, signal: never },
    );
    assert.equal(report.ok, false);
    assert.equal(report.services.length, 0);
    assert.ok(report.skipped.some((text) => text.includes("nothing listens on port 8080 of web-v1 in fra")));
  });

  test("a stranger who is let in fails the verdict", async () => {
    const open = {
      ...target(two, () => "web-v1"),
      handshake: async () => ({ isReached: true, accepted: true, detail: "an answer came" }),
    };
    const report = await runVerification(open, { requests: 2, signal: never });
    assert.equal(report.ok, false);
    assert.ok(report.checks.some(({ ok }) => !ok));
  });
});

suite("countLosses()", () => {
  /** Work that is over after `count` requests. */
  const during = (count: number, mesh: VerifyTarget) => {
    let over = () => {};
    const done = new Promise<string>((resolve) => {
      over = () => resolve("done");
    });
    const urls = new Set<string>();
    let sent = 0;
    const counted: VerifyTarget = {
      ...mesh,
      async requests(from, url, asked, signal) {
        urls.add(url);
        if (++sent === count) over();
        return mesh.requests(from, url, asked, signal);
      },
    };
    return { counted, urls, work: () => done };
  };

  test("counts requests without an answer, and quotes the first", async () => {
    const { counted, work } = during(
      12,
      target(two, (n) => (n === 4 || n === 7 ? undefined : "web-v1")),
    );
    const { result, losses } = await countLosses(counted, work, never);
    assert.equal(result, "done");
    assert.deepEqual([losses.sent, losses.lost], [10, 2], "what finds out who answers is not counted");
    assert.match(losses.failure ?? "", /^web\.shop from client-\w+ in \w+: no healthy upstream$/);
  });

  test("asks for the names of exports too, and nothing of those that did not answer before", async () => {
    const withExport = two.map((one) => ({
      ...one,
      objects: { ...one.objects, serviceentries: [exported] },
    }));
    // Of the four that are asked first the last two are the names of exports.
    const { counted, urls, work } = during(
      9,
      target(withExport, (n) => (n === 3 ? undefined : "web-v1")),
    );
    const { losses } = await countLosses(counted, work, never);
    assert.deepEqual([...urls].sort(), ["http://web.shop.global:80/", "http://web.shop/"]);
    assert.equal(losses.lost, 0);
  });

  test("is over when the work fails", async () => {
    const failing = async () => {
      throw new Error("not so");
    };
    await assert.rejects(
      countLosses(
        target(two, () => "web-v1"),
        failing,
        never,
      ),
      /not so/,
    );
  });
});
