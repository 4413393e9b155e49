import assert from "node:assert/strict";
import { request } from "node:http";
import type { Socket } from "node:net";
import { afterEach, suite, test } from "vitest";
import type { PodNetwork } from "../../src/runtime/index.ts";
import { findEnvoy } from "../support/tools.ts";
import { type EnvoyPod, type EnvoyScene, openEnvoyScene } from "./support/envoy-scene.ts";

const binary = findEnvoy() ?? "";
let scene: EnvoyScene | undefined;
afterEach(async () => {
  await scene?.stop();
  scene = undefined;
});

async function open(name: string, options?: Parameters<typeof openEnvoyScene>[2]): Promise<EnvoyScene> {
  scene = await openEnvoyScene(name, binary, options);
  return scene;
}

/** Asks as the pod's app does, on a connection that the pod's interception leads. */
async function get(
  from: PodNetwork,
  to: { readonly address: string; readonly port: number },
  host: string,
): Promise<{ status: number; body: string }> {
  const socket: Socket = await from.connect(to.address, to.port);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      path: "/hello",
      headers: { host, connection: "close" },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.end();
  });
}

function refusals(...pods: readonly EnvoyPod[]): string[] {
  return pods.flatMap(({ envoy }) =>
    [...envoy.state.types.values()].flatMap(({ rejected }) => rejected ?? []),
  );
}

suite.skipIf(binary === "")("real Envoy on our discovery [needs envoy]", () => {
  test("a sidecar answers another's request with mTLS", async () => {
    const { start, here } = await open("a-multinetwork");
    const [client, server] = [await start("sleep-cluster1"), await start("helloworld-cluster1")];
    await server.app(5000, (incoming, response) =>
      response.end(`v1 ${incoming.headers["x-forwarded-client-cert"]}`),
    );
    const answer = await get(client.network, { address: here("10.1.0.10"), port: 5000 }, "helloworld:5000");
    assert.deepEqual(refusals(client, server), []);
    assert.equal(answer.status, 200, [...client.lines, ...server.lines].join("\n"));
    assert.match(answer.body, /^v1 .*URI=spiffe:\/\/cluster\.local\/ns\/sample\/sa\/sleep/);
  });
});
