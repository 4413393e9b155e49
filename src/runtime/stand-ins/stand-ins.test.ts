import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { type Container, kinds, type PodSpec } from "../../kube/index.ts";
import type { NodesOptions, StandIn } from "../contracts.ts";
import { isReady, startTestNodes, type TestNodes } from "../test-support/start-test-nodes.ts";
import { standsInFor } from "./find-stand-in.ts";
import { serveHttp } from "./serve-http.ts";

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A ready pod "it" with one container "app", and the base URL of its address. */
async function run(
  container: Partial<Container>,
  options: Partial<NodesOptions> = {},
  spec: Partial<PodSpec> = {},
) {
  const nodes: TestNodes = await startTestNodes(options);
  cleanUps.push(() => nodes.stop());
  await nodes.create("it", { ...spec, containers: [{ name: "app", ...container }] });
  const pod = await nodes.see("it", (seen) => isReady(seen) && seen);
  return { nodes, address: `http://${pod.status?.podIP}` };
}

suite("helloworld", () => {
  const answers = [
    { path: "/hello", status: 200, says: "Hello version: v2, instance: it\n" },
    { path: "/hello?x=1", status: 200, says: "Hello version: v2, instance: it\n" },
    { path: "/health", status: 200, says: "Helloworld is healthy" },
    { path: "/", status: 404, says: "Not Found" },
  ];
  for (const { path, status, says } of answers) {
    test(`GET ${path} is ${status}`, async () => {
      const { address } = await run({ image: "registry.istio.io/release/examples-helloworld-v2:1.0" });
      const response = await fetch(`${address}:5000${path}`);
      assert.equal(response.status, status);
      assert.ok((await response.text()).includes(says));
    });
  }

  test("SERVICE_VERSION wins over the image's version", async () => {
    const env = [{ name: "SERVICE_VERSION", value: "blue" }];
    const { address } = await run({ image: "examples-helloworld-v1", env });
    assert.equal(await (await fetch(`${address}:5000/hello`)).text(), "Hello version: blue, instance: it\n");
  });
});

suite("tcp-echo", () => {
  const image = "registry.istio.io/release/tcp-echo-server:1.3";

  test("sends every line back behind its prefix, on all its ports, until the connection ends", async () => {
    const { address } = await run({ image, args: ["9000,9002", "hello"], ports: [{ containerPort: 9000 }] });
    for (const port of [9000, 9002]) {
      const socket = connect({ port, host: new URL(address).hostname });
      let heard = "";
      socket.setEncoding("utf8").on("data", (text) => {
        heard += text;
      });
      socket.write("one\ntw");
      socket.write("o\nno end");
      await waitFor(() => (heard.length >= 20 ? true : undefined), { signal: AbortSignal.timeout(30_000) });
      socket.end();
      await once(socket, "close");
      assert.equal(heard, "hello one\nhello two\n");
    }
  });

  test("arguments that it can't use end it with what it wants", async () => {
    const nodes = await startTestNodes({});
    cleanUps.push(() => nodes.stop());
    await nodes.create("it", { containers: [{ name: "app", image, args: ["9000"] }] });
    const said = await nodes.see("it", ({ status }) => {
      const { state, lastState } = status?.containerStatuses?.[0] ?? {};
      const text = JSON.stringify([state, lastState]);
      return text.includes("wants the arguments") && text;
    });
    assert.match(said, /PORT\[,PORT …\]/);
  });
});

suite("httpbin", () => {
  for (const [image, port, wanted] of [
    ["docker.io/mccutchen/go-httpbin:v2.15.0", 8080, ["say"]],
    ["docker.io/kennethreitz/httpbin", 80, "say"],
  ] as const)
    test(`${image} serves port ${port}`, async () => {
      const { address } = await run({ image });
      const response = await fetch(`${address}:${port}/headers`, { headers: { "x-what": "say" } });
      const { headers } = (await response.json()) as { readonly headers: Readonly<Record<string, unknown>> };
      assert.deepEqual(headers["X-What"], wanted);
    });
});

suite("kubia", () => {
  test("answers every path with the pod's name", async () => {
    const { address } = await run({ image: "luksa/kubia:latest" });
    assert.equal(await (await fetch(`${address}:8080/any/path`)).text(), "You've hit it\n");
  });
});

suite("images for trying things out", () => {
  const hostname = /^Hostname: it$/m;
  const cases = [
    { image: "hashicorp/http-echo:1.0", args: ["-text=hi there"], url: ":5678/any", says: /^hi there\n$/ },
    {
      image: "hashicorp/http-echo",
      args: ["--listen", ":8090", "-text", "late", "-status-code=503"],
      url: ":8090/",
      status: 503,
      says: /^late\n$/,
    },
    { image: "traefik/whoami:v1.10", url: ":80/who", says: hostname },
    { image: "traefik/whoami", args: ["--port", "2001"], url: ":2001/", says: /^GET \/ HTTP\/1\.1$/m },
    {
      image: "fortio/fortio:latest_release",
      url: ":8080/echo?status=418&delay=1ms",
      status: 418,
      says: /^$/,
    },
    { image: "fortio/fortio", args: ["server", "-http-port", "0.0.0.0:8090"], url: ":8090/", says: /^$/ },
  ];
  for (const { image, args, url, status = 200, says } of cases)
    test(`${[image, ...(args ?? [])].join(" ")} answers ${url}`, async () => {
      const { address } = await run({ image, ...(args === undefined ? {} : { args }) });
      const response = await fetch(`${address}${url}`);
      assert.equal(response.status, status);
      assert.match(await response.text(), says);
    });
});

suite("serveHttp()", () => {
  test("finishes the running request when the pod is deleted, and ends though connections are kept", async () => {
    let finish = () => {};
    let hasBegun = false;
    const slow: StandIn = {
      name: "slow",
      matches: (imageName) => imageName === "slow",
      start: (context) =>
        serveHttp(context, 8080, async () => {
          hasBegun = true;
          await new Promise<void>((resolve) => (finish = resolve));
          return { status: 200, body: "done" };
        }),
    };
    const ports = [{ containerPort: 8080 }];
    const { nodes, address } = await run({ image: "slow", ports }, { standIns: [slow] });
    const answer = new Promise<string>((resolve, reject) => {
      const agent = new Agent({ keepAlive: true });
      cleanUps.push(async () => agent.destroy());
      const call = request(`${address}:8080/`, { agent }, (response) => {
        response.on("data", (chunk) => resolve(String(chunk)));
      });
      call.on("error", reject);
      call.end();
    });
    const unused = connect(8080, address.replace("http://", ""));
    cleanUps.push(async () => unused.destroy());
    await once(unused, "connect");
    await waitFor(() => hasBegun || undefined, { signal: AbortSignal.timeout(30_000) });
    await nodes.api.client.delete(kinds.pods, "it", { namespace: "sample" });
    await waitFor(() => nodes.eventMessages().includes("Stopping container app") || undefined, {
      signal: AbortSignal.timeout(30_000),
    });
    finish();
    assert.equal(await answer, "done");
    await nodes.isGone("it");
  });
});

suite("commands", () => {
  const script = (text: string) => new Map([["*", { command: ["sh", "-c", text], env: {} }]]);

  test("SIGTERM ends a command, with the exit code that it chooses", async () => {
    const { nodes } = await run(
      { image: "own" },
      { images: script("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done") },
      { restartPolicy: "Never" },
    );
    await waitFor(async () => ((await nodes.logs("it")) === "up\n" ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    const log = nodes.logs("it", "app", { follow: true });
    await nodes.api.client.delete(kinds.pods, "it", { namespace: "sample" });
    await nodes.isGone("it");
    assert.equal(await log, "up\nbye\n");
  });

  test("SIGKILL ends a command that does not listen, after its grace", async () => {
    const { nodes } = await run(
      { image: "own" },
      { images: script("trap '' TERM; echo up; while :; do sleep 0.05; done") },
      { terminationGracePeriodSeconds: 1 },
    );
    await waitFor(async () => ((await nodes.logs("it")) === "up\n" ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    await nodes.api.client.delete(kinds.pods, "it", { namespace: "sample" });
    await nodes.isGone("it");
  });

  test("a command that does not exist is a start error with its name", async () => {
    const nodes = await startTestNodes({
      images: new Map([["own", { command: ["no-such-program"], env: {} }]]),
    });
    cleanUps.push(() => nodes.stop());
    await nodes.create("it", { restartPolicy: "Never", containers: [{ name: "app", image: "own" }] });
    const pod = await nodes.see("it", (seen) => seen.status?.phase === "Failed" && seen);
    const { reason, message, exitCode } = pod.status?.containerStatuses?.[0]?.state?.terminated ?? {};
    assert.deepEqual([reason, exitCode], ["StartError", 128]);
    assert.equal(message, 'exec: "no-such-program": executable file not found in $PATH');
  });
});

suite("standsInFor()", () => {
  const images = new Map([["cart*", { command: ["true"], env: {} }]]);
  for (const [image, found] of [
    ["istio/examples-helloworld-v1:1.0", true],
    ["curlimages/curl", true],
    ["shop/cart-v1", true],
    ["shop/till", false],
  ] as const) {
    test(`${image}: ${found}`, () => assert.equal(standsInFor(image, [], images), found));
  }
});
