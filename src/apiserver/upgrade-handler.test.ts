import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "vitest";
import { WebSocket } from "ws";
import { kinds } from "../kube/index.ts";
import { useApiServer } from "./test-support/api-harness.ts";

const api = useApiServer({
  pods: {
    async *logs() {},
    async exec(pod, container, command, streams) {
      streams.stdout(Buffer.from(`${pod.namespace}/${pod.name} ${container} ${command.join(" ")}`));
      return { exitCode: 3 };
    },
    attach: () => Promise.reject(new Error("not here")),
    portForward: () => Promise.reject(new Error("not here")),
    usage: async () => [],
  },
});

/** Opens a WebSocket as `user`, and says how that ended. */
async function openAs(user: string, groups: readonly string[], path: string, protocol = "v5.channel.k8s.io") {
  const socket = new WebSocket(`${api.server.api.url.replace("https", "wss")}${path}`, protocol, {
    ca: api.server.caCert,
    ...api.server.client(user, groups),
  });
  const messages: string[] = [];
  socket.on("message", (message: Buffer) => messages.push(`${message[0]} ${message.subarray(1)}`));
  const refused = once(socket, "unexpected-response").then(([, response]) => ({
    status: response.statusCode as number,
  }));
  const closed = once(socket, "close").then(() => ({ status: 101 }));
  socket.on("error", () => {});
  const { status } = await Promise.race([refused, closed]);
  socket.terminate();
  return { status, messages };
}

async function podPath(): Promise<string> {
  const namespace = await api.freshNamespace();
  await api.client.create(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  return `/api/v1/namespaces/${namespace}/pods/p`;
}

suite("upgrades", () => {
  test("to exec run the command in the pod's container and carry its exit code", async () => {
    const path = await podPath();
    const { status, messages } = await openAs(
      "admin",
      ["system:masters"],
      `${path}/exec?command=echo&command=hi&stdout=true&stderr=true`,
    );
    assert.equal(status, 101);
    const namespace = path.split("/")[4];
    assert.ok(messages.includes(`1 ${namespace}/p c echo hi`), messages.join("\n"));
    assert.ok(
      messages.some(
        (message) => message.startsWith("3 ") && message.includes('"ExitCode"') && message.includes('"3"'),
      ),
    );
  });

  const refusals: readonly (readonly [
    why: string,
    user: string,
    groups: readonly string[],
    path: string,
    status: number,
  ])[] = [
    ["somebody who may not", "eve", [], "/exec?command=x&stdout=true", 403],
    [
      "a container that is not there",
      "admin",
      ["system:masters"],
      "/exec?command=x&stdout=true&container=z",
      400,
    ],
    ["no command", "admin", ["system:masters"], "/exec?stdout=true", 400],
    ["a part that has no streams", "admin", ["system:masters"], "/status", 400],
    ["a part that is not there", "admin", ["system:masters"], "/nonsense", 404],
  ];
  for (const [why, user, groups, rest, wanted] of refusals)
    test(`are refused for ${why}`, async () => {
      assert.equal((await openAs(user, groups, `${await podPath()}${rest}`)).status, wanted);
    });
});
