import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";
import fc from "fast-check";
import { afterEach, suite, test } from "vitest";
import { silentLogger, systemClock } from "../base/index.ts";
import type { EndpointSlice, Service } from "../kube/index.ts";
import { createClusterDns } from "./cluster-dns.ts";
import { createHostResolver } from "./host-resolver.ts";
import { readQuery, writeResponse } from "./message.ts";
import { startDnsServer } from "./server.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function service(name: string, namespace: string, spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec };
}

const services = [
  service("kubernetes", "default", { clusterIP: "127.20.128.1", ports: [{ name: "https", port: 443 }] }),
  service("web", "sample", { clusterIP: "127.20.128.2", ports: [{ name: "http", port: 80 }] }),
  service("db", "sample", { clusterIP: "None", ports: [{ name: "pg", port: 5432 }] }),
  service("alias", "sample", { type: "ExternalName", externalName: "web.sample.svc.cluster.local" }),
  service("loop", "sample", { type: "ExternalName", externalName: "loop.sample.svc.cluster.local" }),
  service("outside", "sample", { type: "ExternalName", externalName: "api.example.com" }),
];

const slices: EndpointSlice[] = [
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "db-1", namespace: "sample", labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    ports: [{ name: "pg", port: 5432 }],
    endpoints: [
      { addresses: ["127.20.0.5"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["127.20.0.6"], hostname: "db-1", conditions: { ready: false } },
      { addresses: ["127.20.0.7"] },
    ],
  },
];

const dns = createClusterDns({
  clock: systemClock,
  service: (name, namespace) =>
    services.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace),
  services: () => services,
  endpointSlices: (name, namespace) => (name === "db" && namespace === "sample" ? slices : []),
  hostResolver: async (name) => (name === "api.example.com" ? ["192.0.2.7"] : []),
});

suite("createClusterDns()", () => {
  const cases: { name: string; from?: string; addresses: string[]; because: string }[] = [
    { name: "web", from: "sample", addresses: ["127.20.128.2"], because: "same namespace" },
    { name: "web", from: "default", addresses: [], because: "another namespace" },
    { name: "web.sample", addresses: ["127.20.128.2"], because: "name and namespace" },
    { name: "WEB.Sample.svc", addresses: ["127.20.128.2"], because: "case does not matter" },
    { name: "web.sample.svc.cluster.local", addresses: ["127.20.128.2"], because: "full name" },
    { name: "web.sample.svc.cluster.local.", addresses: ["127.20.128.2"], because: "absolute name" },
    { name: "web.sample.", addresses: [], because: "a final dot turns the search path off" },
    { name: "kubernetes.default", addresses: ["127.20.128.1"], because: "the API server's Service" },
    { name: "db.sample", addresses: ["127.20.0.5", "127.20.0.7"], because: "headless: ready pods" },
    { name: "db-0.db.sample.svc.cluster.local", addresses: ["127.20.0.5"], because: "a pod's own name" },
    { name: "db-1.db.sample.svc.cluster.local", addresses: [], because: "a pod that is not ready" },
    { name: "alias.sample", addresses: ["127.20.128.2"], because: "ExternalName inside the cluster" },
    { name: "outside", from: "sample", addresses: ["192.0.2.7"], because: "ExternalName outside" },
    { name: "loop.sample", addresses: [], because: "an ExternalName that leads to itself ends" },
    { name: "api.example.com", addresses: ["192.0.2.7"], because: "the host's resolver" },
    { name: "nothing.sample.svc.cluster.local", addresses: [], because: "unknown in the cluster" },
    { name: "127-20-0-9.sample.pod.cluster.local", addresses: ["127.20.0.9"], because: "a pod by address" },
    { name: "a".repeat(300), addresses: [], because: "too long to be a name" },
  ];
  for (const { name, from = "default", addresses, because } of cases) {
    test(`${name.slice(0, 50)} from ${from}: ${addresses.join(" ") || "nothing"}, ${because}`, async () => {
      assert.deepEqual((await dns.resolve(name, from)).toSorted(), addresses);
    });
  }
});

suite("createHostResolver()", () => {
  test("asks once for a name while the answer is fresh, and never rejects", async () => {
    let now = 0;
    let asked = 0;
    const resolver = createHostResolver({ now: () => now, after: () => () => {} }, async (name) => {
      asked++;
      if (name === "bad") throw new Error("no");
      return ["192.0.2.1"];
    });
    assert.deepEqual(await Promise.all([resolver("a"), resolver("a")]), [["192.0.2.1"], ["192.0.2.1"]]);
    assert.equal(asked, 1);
    now = 31_000;
    await resolver("a");
    assert.equal(asked, 2);
    assert.deepEqual(await resolver("bad"), []);
  });
});

suite("startDnsServer()", () => {
  const start = async (resolve = (question: { name: string; type: number }) => dns.answer(question)) => {
    const { port, stop } = await startDnsServer({
      address: "127.0.0.1",
      port: 0,
      resolve,
      log: silentLogger,
    });
    cleanUps.push(stop);
    const resolver = new Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([`127.0.0.1:${port}`]);
    return { port, resolver };
  };

  test("answers A, SRV and PTR; has no AAAA; knows what does not exist", async () => {
    const { resolver } = await start();
    assert.deepEqual(await resolver.resolve4("web.sample.svc.cluster.local"), ["127.20.128.2"]);
    assert.deepEqual(await resolver.resolveSrv("_http._tcp.web.sample.svc.cluster.local"), [
      { name: "web.sample.svc.cluster.local", port: 80, priority: 0, weight: 100 },
    ]);
    assert.equal((await resolver.resolveSrv("_pg._tcp.db.sample.svc.cluster.local")).length, 2);
    assert.deepEqual(await resolver.reverse("127.20.128.2"), ["web.sample.svc.cluster.local"]);
    assert.deepEqual(await resolver.reverse("127.20.0.5"), ["db-0.db.sample.svc.cluster.local"]);
    await assert.rejects(resolver.resolve6("web.sample.svc.cluster.local"), { code: "ENODATA" });
    await assert.rejects(resolver.resolve4("nothing.sample.svc.cluster.local"), { code: "ENOTFOUND" });
  });

  const ipv6 = [
    { address: "2001:2::1", because: "zeros are left out in the middle" },
    { address: "::1", because: "zeros are left out at the front" },
    { address: "fe80::", because: "zeros are left out at the end" },
    { address: "1:2:3:4:5:6:7:8", because: "nothing is left out" },
  ];
  for (const { address, because } of ipv6) {
    test(`${address} arrives as it was: ${because}`, async () => {
      const { resolver } = await start(async ({ name }) => ({
        exists: true,
        records: [{ name, type: "AAAA" as const, address }],
      }));
      assert.deepEqual(await resolver.resolve6("six.example"), [address]);
    });
  }

  test("an answer too long for UDP comes over TCP", async () => {
    const addresses = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const { resolver } = await start(async ({ name }) => ({
      exists: true,
      records: addresses.map((address) => ({ name, type: "A" as const, address })),
    }));
    assert.equal((await resolver.resolve4("many.example")).length, 300);
  });

  test("a failing source is a server failure for the asker, and the server goes on", async () => {
    let fails = true;
    const { resolver } = await start(async (question) => {
      if (fails) throw new Error("broken");
      return dns.answer(question);
    });
    await assert.rejects(resolver.resolve4("web.sample.svc.cluster.local"), { code: "ESERVFAIL" });
    fails = false;
    assert.deepEqual(await resolver.resolve4("web.sample.svc.cluster.local"), ["127.20.128.2"]);
  });

  test("hostile packets over UDP and TCP do no harm", async () => {
    const { port, resolver } = await start();
    const hostile = [
      "",
      "00",
      "ffffffffffffffffffffffff",
      "000101000001000000000000c00c00010001", // A pointer to itself.
      "000101000001000000000000c0ff00010001", // A pointer past the end.
      "00010100000100000000000003616263c00c00010001", // A pointer back to its own name.
      `000101000001000000000000${"3f".padEnd(128, "61")}`, // A name that never ends.
      "000101000002000000000000016100000100010162000001 0001".replaceAll(" ", ""),
      "00012800000000000000",
    ].map((hex) => Buffer.from(hex, "hex"));
    const socket = createSocket("udp4");
    cleanUps.push(() => socket.close());
    for (const packet of hostile) socket.send(packet, port, "127.0.0.1");
    for (const packet of hostile) {
      const connection = connect(port, "127.0.0.1");
      connection.on("error", () => {});
      connection.end(Buffer.concat([Buffer.from([0, packet.length]), packet]));
      await new Promise((resolve) => connection.resume().once("close", resolve));
    }
    assert.deepEqual(await resolver.resolve4("web.sample.svc.cluster.local"), ["127.20.128.2"]);
  });

  test("reading any bytes gives a query or nothing, never a failure", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const query = readQuery(Buffer.from(bytes));
        if (query !== undefined) assert.ok(writeResponse(query, query.code, [], query.udpSize).length >= 12);
      }),
      { numRuns: 2000 },
    );
  });
});
