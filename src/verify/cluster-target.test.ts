import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger } from "../base/index.ts";
import type { ApiRequest, KubeClient, KubeObject, PodCommand } from "../kube/index.ts";
import { startClusterTarget } from "./cluster-target.ts";

const never = new AbortController().signal;
const web = { cluster: "fra", namespace: "shop", name: "web-1" };
const service = { name: "web", namespace: "shop", port: 80 };

const pod = (name: string, container: object): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop" },
  spec: { containers: [{ name: "istio-proxy" }, { name: "app", ...container }] },
  status: { conditions: [{ type: "Ready", status: "True" }] },
});

/** A target of one cluster whose pods are these, with what its exec and its metrics answer. */
function targetOf(options: {
  readonly container?: object;
  exec?(command: PodCommand): { exitCode: number; stdout: string; stderr: string };
  readonly metrics?: string;
  /** What a create is answered with. */
  create?(object: KubeObject): KubeObject;
}) {
  const commands: PodCommand[] = [];
  const [created, deleted] = [new Map<string, KubeObject>(), [] as string[]];
  const client = {
    get: async (_kind: object, name: string) => created.get(name) ?? pod(name, options.container ?? {}),
    create: async (_kind: object, object: KubeObject) => {
      const made = options.create?.(object) ?? object;
      created.set(object.metadata.name, made);
      return made;
    },
    delete: async (_kind: object, name: string) => void deleted.push(name),
    list: async () => ({ items: [...created.values()], resourceVersion: "1" }),
    async *watch(_kind: object, _options: object, signal: AbortSignal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    transport: {
      send: async ({ path }: ApiRequest) =>
        options.metrics !== undefined &&
        path === "/api/v1/namespaces/shop/pods/web-1:15090/proxy/stats/prometheus"
          ? { status: 200, headers: {}, body: options.metrics }
          : { status: 403, headers: {}, body: "no" },
    },
  } as unknown as KubeClient;
  const target = startClusterTarget({
    clusters: [
      {
        name: "fra",
        network: undefined,
        client,
        async exec(command) {
          commands.push(command);
          return options.exec?.(command) ?? { exitCode: 0, stdout: "", stderr: "" };
        },
      },
    ],
    probeImage: "curl",
    log: silentLogger,
  });
  return { target, commands, created, deleted };
}

suite("a cluster that is known by its API only", () => {
  test("requests run in the app's container, the URL apart from the script, and each line is an answer", async () => {
    const { target, commands } = targetOf({
      exec: () => ({
        exitCode: 0,
        stdout: "200 0.002 \n503 0.1 \n000 15.0 Connection timed out\n",
        stderr: "",
      }),
    });
    const url = "http://web.shop/;rm -rf $HOME";
    assert.deepEqual(await target.requests(web, url, 3, never), [
      { status: 200, milliseconds: 2 },
      { status: 503, milliseconds: 100, failure: "HTTP 503" },
      { status: 0, milliseconds: 15_000, failure: "Connection timed out" },
    ]);
    const [command] = commands;
    assert.deepEqual(
      [command?.container, command?.pod, command?.command.slice(-2)],
      ["app", "web-1", [url, "3"]],
    );
    assert.doesNotMatch(command?.command[2] ?? "", /rm -rf/);
  });

  test("many requests are several commands, and a command that fails is as many failures", async () => {
    let calls = 0;
    const { target } = targetOf({
      exec({ command }) {
        if (++calls === 2) throw new Error("the API server went away");
        return { exitCode: 0, stdout: "200 0.001\n".repeat(Number(command.at(-1))), stderr: "" };
      },
    });
    const answers = await target.requests(web, "http://web.shop/", 100, never);
    assert.equal(answers.length, 100);
    const failures = answers.filter(({ status }) => status === 0);
    assert.deepEqual([failures.length, failures[0]?.failure], [40, "the API server went away"]);
    assert.equal(calls, 3);
  });

  test("what arrived is what the sidecar reports at the destination, and how much of it over mTLS", async () => {
    const line = (labels: string, value: number) =>
      `istio_requests_total{${labels},destination_service_name="web",destination_service_namespace="shop"} ${value}\n`;
    const { target } = targetOf({
      metrics: [
        "# TYPE istio_requests_total counter\n",
        line('reporter="destination",connection_security_policy="mutual_tls"', 5),
        line('reporter="destination",connection_security_policy="none"', 2),
        line('reporter="source",connection_security_policy="unknown"', 50),
        'istio_requests_total{reporter="destination",destination_service_name="other",destination_service_namespace="shop"} 9\n',
      ].join(""),
    });
    assert.deepEqual(await target.arrivals(web, 8080, service, never), { requests: 7, mutual: 5 });
  });

  test("metrics that may not be read are said with the right that is missing", async () => {
    await assert.rejects(
      targetOf({}).target.arrivals(web, 8080, service, never),
      /shop\/web-1 in fra .* answers 403/,
    );
  });

  test.each([
    [{ ports: [{ containerPort: 8080 }] }, undefined],
    [{ readinessProbe: { tcpSocket: { port: 8080 } } }, undefined],
    [{ ports: [{ containerPort: 9090 }] }, "neither a port 8080 nor a readiness probe is in the spec"],
    [{}, "neither a port 8080 nor a readiness probe is in the spec"],
  ])("a container with %j: %s", async (container, expected) => {
    assert.equal(await targetOf({ container }).target.silence(web, 8080, never), expected);
  });

  test("a pod can call when it has a shell and curl", async () => {
    const of = (exitCode: number) => targetOf({ exec: () => ({ exitCode, stdout: "", stderr: "" }) }).target;
    assert.equal(await of(0).canCall?.(web, never), true);
    assert.equal(await of(127).canCall?.(web, never), false);
    const forbidden = targetOf({
      exec() {
        throw new Error("403");
      },
    });
    assert.equal(await forbidden.target.canCall?.(web, never), false);
  });

  test("a caller that is made asks for a sidecar, ends by itself, and is removed", async () => {
    const { target, created, deleted } = targetOf({
      create: (object) => ({ ...object, status: { conditions: [{ type: "Ready", status: "True" }] } }),
    });
    const made = await target.makeCaller?.("fra", "shop", never);
    const again = await target.makeCaller?.("fra", "shop", never);
    assert.deepEqual(made, again);
    const [probe, ...more] = created.values();
    assert.equal(more.length, 0);
    assert.equal(probe?.metadata.labels?.["sidecar.istio.io/inject"], "true");
    assert.ok(JSON.stringify(probe?.["spec"]).includes('"activeDeadlineSeconds":'));
    assert.deepEqual(deleted, []);
    await target.stop();
    assert.deepEqual(deleted, [made?.name]);
  });

  test("a caller that is refused is none", async () => {
    const { target } = targetOf({
      create() {
        throw new Error("admission webhook denied the request");
      },
    });
    assert.equal(await target.makeCaller?.("fra", "shop", never), undefined);
    await target.stop();
  });
});
