import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger, systemClock, waitFor } from "../base/index.ts";
import { kinds, type Service } from "../kube/index.ts";
import { startControllers } from "./start-controllers.ts";
import { createFakeApi, statusOf } from "./test-support/fake-api.ts";
import { testDeployment } from "./test-support/test-cluster.ts";

const start = (api: ReturnType<typeof createFakeApi>) =>
  startControllers({
    cluster: "east",
    client: api.client,
    apiCa: "PEM",
    loadBalancerAddresses: ["127.16.255.2"],
    serviceAccountToken: () => "token",
    clock: systemClock,
    log: silentLogger,
  });
const eventually = <T>(probe: () => Promise<T | undefined>) =>
  waitFor(probe, { signal: AbortSignal.timeout(30_000), every: 1 });

suite("startControllers()", () => {
  test("bring a Deployment from its object to pods on nodes and addresses, and end without a watch left", async () => {
    const api = createFakeApi();
    const stop = await start(api);
    const { client } = api;
    await client.create(kinds.nodes, { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } });
    await client.create(kinds.namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "sample" },
    });
    await client.create(kinds.deployments, testDeployment("web", { replicas: 2 }));
    await client.create<Service>(kinds.services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "sample" },
      spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 80 }] },
    });
    await eventually(async () => {
      const pods = (await client.list(kinds.pods)).items;
      return (pods.length === 2 && pods.every(({ spec }) => spec.nodeName === "node-1")) || undefined;
    });
    await eventually(
      async () => (await client.get(kinds.services, "web", "sample"))?.status?.loadBalancer?.ingress?.[0]?.ip,
    );
    await eventually(() => client.get(kinds.serviceAccounts, "default", "sample"));
    await stop();
    await stop();
    await eventually(async () => (api.watches === 0 ? true : undefined));
  });

  test("resolve at once while the API server is away, and begin when it comes", async () => {
    const api = createFakeApi();
    let refused = 0;
    api.refuse = () => {
      refused++;
      return statusOf(503, "ServiceUnavailable", "starting");
    };
    const stop = await start(api);
    await eventually(async () => (refused > 20 ? true : undefined));
    api.refuse = () => undefined;
    await api.client.create(kinds.namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "sample" },
    });
    await eventually(() => api.client.get(kinds.serviceAccounts, "default", "sample"));
    await stop();
  });

  test("a Deployment that is deleted takes its ReplicaSets and pods along", async () => {
    const api = createFakeApi();
    const stop = await start(api);
    const { client } = api;
    await client.create(kinds.deployments, testDeployment("web"));
    await eventually(async () => ((await client.list(kinds.pods)).items.length === 1 ? true : undefined));
    await client.delete(kinds.deployments, "web", { namespace: "sample" });
    await eventually(async () => {
      const left = [
        ...(await client.list(kinds.pods)).items,
        ...(await client.list(kinds.replicaSets)).items,
      ];
      return left.length === 0 || undefined;
    });
    await stop();
    assert.deepEqual((await client.list(kinds.pods)).items, []);
  });
});
