import assert from "node:assert/strict";
import { beforeAll, suite, test } from "vitest";
import { type KubeObject, kinds, type Node, type Pod } from "../../kube/index.ts";
import type { PodUsage } from "../contracts.ts";
import { useApiServer } from "../test-support/api-harness.ts";

let usages: readonly PodUsage[] = [];
const unused = () => Promise.reject(new Error("not here"));
const api = useApiServer({
  pods: {
    async *logs() {},
    exec: unused,
    attach: unused,
    portForward: unused,
    usage: async () => usages,
  },
});
const base = "/apis/metrics.k8s.io/v1beta1";
const timestamp = Date.parse("2025-01-01T00:00:00Z");
let namespace = "";

beforeAll(async () => {
  namespace = await api.freshNamespace();
  for (const name of ["n1", "n2"]) {
    const status = name === "n1" ? { conditions: [{ type: "Ready", status: "True" }] } : {};
    await api.client.create(kinds.nodes, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name },
      status,
    } as Node);
  }
  for (const name of ["a", "b"])
    await api.client.create(kinds.pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name } },
      spec: { nodeName: "n1", containers: [{ name: "app", image: "i" }] },
    } as Pod);
  const usage = (name: string, cpu: number): PodUsage => ({
    pod: { namespace, name },
    timestamp,
    window: 15_250,
    containers: [
      { name: "app", cpu, cpuSeconds: 60 * cpu, memory: 3 * 1024 * 1024 },
      { name: "proxy", cpu: 0.001, cpuSeconds: 1, memory: 1024 },
    ],
  });
  usages = [usage("a", 0.25), usage("b", 0.5), usage("gone", 1)];
});

const read = async (path: string, query: Record<string, string> = {}, accept = "application/json") => {
  const { status, body } = await api.send({
    path: `${base}${path}`,
    query: new URLSearchParams(query),
    headers: { accept },
  });
  return { status, body: body as KubeObject & { readonly items: readonly KubeObject[] } };
};

suite("metrics.k8s.io", () => {
  test("gives what the containers of a pod use, over which window", async () => {
    const { body } = await read(`/namespaces/${namespace}/pods/a`);
    assert.deepEqual(
      [body.kind, body["timestamp"], body["window"]],
      ["PodMetrics", "2025-01-01T00:00:00Z", "15.25s"],
    );
    assert.deepEqual(body["containers"], [
      { name: "app", usage: { cpu: "250000000n", memory: "3072Ki" } },
      { name: "proxy", usage: { cpu: "1000000n", memory: "1Ki" } },
    ]);
    assert.deepEqual(body.metadata.labels, { app: "a" });
  });

  const lists: readonly (readonly [
    path: () => string,
    query: Record<string, string>,
    names: readonly string[],
  ])[] = [
    [() => `/namespaces/${namespace}/pods`, {}, ["a", "b"]],
    [() => "/pods", { labelSelector: "app=b" }, ["b"]],
    [() => "/namespaces/default/pods", {}, []],
    [() => "/pods", { fieldSelector: "metadata.name=a" }, ["a"]],
  ];
  for (const [path, query, names] of lists)
    test(`lists pods that are there: ${JSON.stringify(query)} gives ${names}`, async () => {
      const { body } = await read(path(), query);
      assert.equal(body.kind, "PodMetricsList");
      assert.deepEqual(
        body.items.map(({ metadata }) => metadata.name),
        names,
      );
    });

  test("sums up the pods of each ready node", async () => {
    const { body } = await read("/nodes");
    assert.deepEqual(
      body.items.map((node) => [node.metadata.name, node["usage"]]),
      [["n1", { cpu: "752000000n", memory: "6146Ki" }]],
    );
  });

  test("shows itself as a table", async () => {
    const { body } = await read("/pods", {}, "application/json;as=Table;v=v1;g=meta.k8s.io");
    const rows = body["rows"] as readonly { readonly cells: readonly unknown[] }[];
    assert.deepEqual(rows[0]?.cells, ["a", "251m", "3073Ki", "15.25s"]);
  });

  test("knows no pod that does not run, and cannot be written", async () => {
    const missing = await read(`/namespaces/${namespace}/pods/none`);
    assert.deepEqual(
      [missing.status, missing.body["message"]],
      [404, `pods.metrics.k8s.io "${namespace}/none" not found`],
    );
    const written = await api.send({
      method: "POST",
      path: `${base}/namespaces/${namespace}/pods`,
      body: {},
    });
    assert.equal(written.status, 405);
  });

  test("is announced like an aggregated API", async () => {
    const { body } = await api.send({ path: base });
    assert.deepEqual(
      (body as { readonly resources: readonly { name: string; verbs: unknown }[] }).resources.map(
        ({ name, verbs }) => [name, verbs],
      ),
      [
        ["nodes", ["get", "list"]],
        ["pods", ["get", "list"]],
      ],
    );
    const service = await api.send({
      path: "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io",
    });
    assert.equal(service.status, 200);
  });

  test("a node's page has the processor time and memory of each container on it, for Prometheus", async () => {
    const page = async (path: string) => {
      const { status, body } = await api.send({
        path: `/api/v1/nodes/${path}`,
        headers: { accept: "text/plain" },
      });
      return { status, text: String(body) };
    };
    const { status, text } = await page("n1/proxy/metrics/cadvisor");
    assert.equal(status, 200);
    assert.deepEqual(
      text.split("\n").filter((line) => line.startsWith("container_")),
      [
        `container_cpu_usage_seconds_total{namespace="${namespace}",pod="a",container="app"} 15`,
        `container_cpu_usage_seconds_total{namespace="${namespace}",pod="a",container="proxy"} 1`,
        `container_cpu_usage_seconds_total{namespace="${namespace}",pod="b",container="app"} 30`,
        `container_cpu_usage_seconds_total{namespace="${namespace}",pod="b",container="proxy"} 1`,
        ...["container_memory_usage_bytes", "container_memory_working_set_bytes"].flatMap((name) =>
          ["a", "b"].flatMap((pod) => [
            `${name}{namespace="${namespace}",pod="${pod}",container="app"} 3145728`,
            `${name}{namespace="${namespace}",pod="${pod}",container="proxy"} 1024`,
          ]),
        ),
      ],
    );
    assert.doesNotMatch((await page("n2/proxy/metrics/cadvisor")).text, /container_/);
    assert.equal((await page("n1/proxy/pods")).status, 404);
    assert.equal((await page("nobody/proxy/metrics/cadvisor")).status, 404);
  });
});
