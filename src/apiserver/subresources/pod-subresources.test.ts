import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, suite, test } from "vitest";
import { type KubeObject, kinds, type Pod, type Status } from "../../kube/index.ts";
import type { LogOptions } from "../contracts.ts";
import { useApiServer } from "../test-support/api-harness.ts";

const lines = ["one\n", "two\n"];
let asked: { readonly container: string; readonly options: LogOptions } | undefined;
const app = createServer((request, response) => {
  response.setHeader(
    "x-seen",
    `${request.method} ${request.url} ${request.headers.authorization ?? "no token"}`,
  );
  response.end("hello");
});

const dialApp = () => connect({ host: "127.0.0.1", port: (app.address() as AddressInfo).port });
const api = useApiServer({
  pods: {
    async *logs(_pod, container, options) {
      asked = { container, options };
      for (const line of lines) yield Buffer.from(line);
    },
    exec: () => Promise.reject(new Error("not here")),
    attach: () => Promise.reject(new Error("not here")),
    portForward: async () => dialApp(),
    usage: async () => [],
  },
  dial: () => dialApp(),
});

beforeAll(() => new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve)));
afterAll(() => app.close());

async function podIn(namespace: string, containers: readonly string[] = ["c"]): Promise<Pod> {
  return api.client.create(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace, labels: { app: "p" } },
    spec: { containers: containers.map((name) => ({ name, image: "i" })) },
  });
}

async function textOf(path: string, query: Record<string, string> = {}) {
  const answer = await api.send({
    path,
    query: new URLSearchParams(query),
    headers: { authorization: "Bearer secret" },
  });
  let text = "";
  for await (const chunk of answer.chunks ?? []) text += Buffer.from(chunk).toString();
  return { answer, text };
}

suite("logs", () => {
  test("come from the pod's only container, with the options that were asked for", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    const { answer, text } = await textOf(`/api/v1/namespaces/${namespace}/pods/p/log`, {
      tailLines: "2",
      timestamps: "true",
    });
    assert.deepEqual(
      [answer.status, answer.headers["content-type"], text],
      [200, "text/plain", "one\ntwo\n"],
    );
    assert.deepEqual([asked?.container, asked?.options.tailLines, asked?.options.timestamps], ["c", 2, true]);
  });

  test("of one container among several must name it", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace, ["a", "b"]);
    const { answer } = await textOf(`/api/v1/namespaces/${namespace}/pods/p/log`);
    assert.equal(answer.status, 400);
    assert.equal(
      (answer.body as Status).message,
      "a container name must be specified for pod p, choose one of: [a b]",
    );
    const wrong = await textOf(`/api/v1/namespaces/${namespace}/pods/p/log`, { container: "x" });
    assert.equal((wrong.answer.body as Status).message, "container x is not valid for pod p");
  });
});

suite("bindings", () => {
  test("give a pod its node, once", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    const path = `/api/v1/namespaces/${namespace}/pods/p/binding`;
    const body = { target: { kind: "Node", name: "n1" } };
    assert.equal((await api.send({ method: "POST", path, body })).status, 201);
    const pod = await api.client.get(kinds.pods, "p", namespace);
    assert.equal(pod?.spec.nodeName, "n1");
    assert.equal(pod?.status?.conditions?.[0]?.type, "PodScheduled");
    const again = await api.send({ method: "POST", path, body });
    assert.equal(again.status, 409);
    assert.match((again.body as Status).message ?? "", /pod p is already assigned to node "n1"/);
  });
});

suite("proxies", () => {
  test("lead to pods and through Services, without the caller's token", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    const pod = await textOf(`/api/v1/namespaces/${namespace}/pods/p:8080/proxy/a%20b/c`, { x: "1" });
    assert.deepEqual([pod.answer.status, pod.text], [200, "hello"]);
    assert.equal(pod.answer.headers["x-seen"], "GET /a%20b/c?x=1 no token");
    await api.client.create(kinds.services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace },
      spec: { ports: [{ port: 80, name: "http" }] },
    });
    const empty = await textOf(`/api/v1/namespaces/${namespace}/services/s:http/proxy/`);
    assert.equal(empty.answer.status, 503);
    assert.equal((empty.answer.body as Status).message, 'no endpoints available for service "s"');
    await api.client.create(kinds.endpointSlices, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "s-1", namespace, labels: { "kubernetes.io/service-name": "s" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["127.0.0.1"] }],
      ports: [{ name: "http", port: 8080 }],
    });
    const service = await textOf(`/api/v1/namespaces/${namespace}/services/http:s:80/proxy/`);
    assert.equal(service.text, "hello");
  });

  test("never let an encoded line break through", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    const { answer } = await textOf(`/api/v1/namespaces/${namespace}/pods/p:8080/proxy/a%0d%0ax:%20y`);
    assert.equal(answer.headers["x-seen"], "GET /a%0d%0ax:%20y no token");
  });
});

test("a patch that cannot be applied is refused as Kubernetes does, and says why", async () => {
  const namespace = await api.freshNamespace();
  await podIn(namespace);
  const headers = { "content-type": "application/json-patch+json" };
  const body = [{ op: "test", path: "/metadata/name", value: "q" }];
  const path = `/api/v1/namespaces/${namespace}/pods/p`;
  const answer = await api.send({ method: "PATCH", path, headers, body });
  const { code, reason, details, message } = answer.body as Status;
  assert.deepEqual([code, reason, details], [422, "Invalid", {}]);
  assert.match(message ?? "", /due to an error in our request: testing value \/metadata\/name failed/);
});

test("an ephemeral container is added without touching the rest", async () => {
  const namespace = await api.freshNamespace();
  const pod = await podIn(namespace);
  const path = `/api/v1/namespaces/${namespace}/pods/p/ephemeralcontainers`;
  const headers = { "content-type": "application/strategic-merge-patch+json" };
  const body = { spec: { ephemeralContainers: [{ name: "debug", image: "busybox" }] } };
  const answer = await api.send({ method: "PATCH", path, headers, body });
  assert.equal(answer.status, 200);
  const { spec } = answer.body as KubeObject as Pod;
  assert.deepEqual(spec.containers, pod.spec.containers);
  assert.equal((spec["ephemeralContainers"] as { name: string }[])[0]?.name, "debug");
});
