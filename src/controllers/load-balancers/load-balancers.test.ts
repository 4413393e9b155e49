import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds, type Service } from "../../kube/index.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { hostnameAnnotation, loadBalancerClass, loadBalancersController } from "./start-load-balancers.ts";

const addresses = ["127.16.255.2", "127.16.255.3"];
let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([loadBalancersController(addresses)]);
});
afterEach(() => cluster.stop());

const create = (
  name: string,
  spec: Partial<Service["spec"]> = {},
  annotations: Record<string, string> = {},
) =>
  cluster.api.client.create<Service>(kinds.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "sample", annotations },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
  });
const ingress = async (name: string) => {
  const service = await cluster.api.client.get(kinds.services, name, "sample");
  return service?.status?.loadBalancer?.ingress?.[0];
};
const address = (name: string) => cluster.eventually(async () => (await ingress(name))?.ip);

suite("load balancers", () => {
  test("get the first free address in the order of creation, and keep it", async () => {
    await create("first");
    await create("second");
    assert.deepEqual([await address("first"), await address("second")], addresses);
    await cluster.quiet();
    const writes = cluster.api.writes.length;
    await cluster.api.client.patch(
      kinds.services,
      "first",
      { metadata: { labels: { a: "b" } } },
      { type: "merge", namespace: "sample" },
    );
    await cluster.quiet();
    assert.equal(cluster.api.writes.length, writes + 1);
  });

  test("one that finds none waits until an address is freed", async () => {
    await create("first");
    await create("second");
    await create("third");
    await address("second");
    await cluster.quiet();
    assert.equal(await ingress("third"), undefined);
    await cluster.api.client.delete(kinds.services, "first", { namespace: "sample" });
    assert.equal(await address("third"), "127.16.255.2");
  });

  test("a Service that becomes an inner one gives its address back", async () => {
    await create("first");
    await address("first");
    const service = await cluster.api.client.get(kinds.services, "first", "sample");
    assert.ok(service);
    await cluster.api.client.replace(kinds.services, {
      ...service,
      spec: { ...service.spec, type: "ClusterIP" },
    });
    await cluster.eventually(async () => ((await ingress("first")) === undefined ? true : undefined));
    await create("second");
    assert.equal(await address("second"), "127.16.255.2");
  });

  test("a host name instead, when an annotation asks for it", async () => {
    await create("first", {}, { [hostnameAnnotation]: "a.elb.example.com" });
    const entry = await cluster.eventually(() => ingress("first"));
    assert.deepEqual(entry, { hostname: "a.elb.example.com" });
    await create("second");
    assert.equal(await address("second"), "127.16.255.2");
  });

  test("our own class is served, any other one is left pending", async () => {
    await create("none", { loadBalancerClass: "none" });
    await create("ours", { loadBalancerClass });
    assert.equal(await address("ours"), "127.16.255.2");
    await cluster.quiet();
    assert.equal(await ingress("none"), undefined);
  });

  test("spec.loadBalancerIP is honoured when it is free", async () => {
    await create("wish", { loadBalancerIP: "127.16.255.3" });
    assert.equal(await address("wish"), "127.16.255.3");
    await create("other", { loadBalancerIP: "127.16.255.3" });
    assert.equal(await address("other"), "127.16.255.2");
  });
});
