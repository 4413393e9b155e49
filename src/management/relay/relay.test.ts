import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, suite, test } from "vitest";
import { silentLogger, systemClock, waitFor } from "../../base/index.ts";
import { type ApiRequest, type ApiTransport, createKubeClient, kinds } from "../../kube/index.ts";
import { createRelayCertificate } from "./relay-certificate.ts";
import { parseRelayServer, startAgent } from "./start-agent.ts";
import { type Relay, startRelay } from "./start-relay.ts";

const certificate = createRelayCertificate(systemClock.now());
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** A relay on a port of this machine. */
async function relayAt(
  isLeader = () => true,
  port = 0,
  authenticate = async (token: string): Promise<string | undefined> =>
    token === "good" ? "east" : undefined,
): Promise<{ relay: Relay; port: number; end(): void }> {
  const relay = startRelay({
    ...certificate,
    authenticate,
    isLeader,
    clock: systemClock,
    log: silentLogger,
  });
  const server: Server = createServer((socket) => relay.accept(socket));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const end = () => {
    relay.stop();
    server.close();
  };
  ends.push(end);
  const address = server.address();
  return { relay, port: typeof address === "object" && address !== null ? address.port : 0, end };
}

function agentTo(port: number, api: ApiTransport, token = "good", signal?: AbortSignal) {
  const stopped = new AbortController();
  signal?.addEventListener("abort", () => stopped.abort());
  ends.push(() => stopped.abort());
  return startAgent({
    credential: async () => ({ server: `127.0.0.1:${port}`, ca: certificate.ca, token }),
    dial: (host, at) =>
      new Promise<Socket>((resolve, reject) => {
        const socket = connect(at, host, () => resolve(socket));
        socket.once("error", reject);
      }),
    api,
    version: "1.2.3",
    kubernetesVersion: "v1.33.1",
    clock: systemClock,
    log: silentLogger,
    signal: stopped.signal,
  });
}

const until = (probe: () => boolean) =>
  waitFor(() => (probe() ? true : undefined), { signal: AbortSignal.timeout(30_000) });

suite("startRelay() and startAgent()", () => {
  test("requests reach the API of the agent's cluster as they were sent, and answers and events come back", async () => {
    const seen: ApiRequest[] = [];
    const { relay, port } = await relayAt();
    agentTo(port, {
      async send(request, signal) {
        seen.push(request);
        if (request.query.get("watch") === "true")
          return { status: 200, headers: {}, events: events(signal) };
        if (request.method === "PATCH") return { status: 200, headers: {}, body: request.body };
        return { status: 404, headers: {}, body: { kind: "Status", code: 404, message: "no such pod" } };
      },
    });
    async function* events(signal?: AbortSignal) {
      yield { type: "ADDED", object: { metadata: { name: "one" } } };
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    }
    await until(() => relay.connection("east")?.isConnected === true);
    const client = createKubeClient(relay.transport("east"));
    assert.equal(await client.get(kinds.pods, "p", "sample"), undefined);
    const patched = await client.patch(
      kinds.pods,
      "p",
      { metadata: { name: "p", labels: { text: "ü\n" } } },
      { type: "merge", namespace: "sample", fieldManager: "test" },
    );
    assert.equal(patched.metadata.labels?.["text"], "ü\n");
    await client.delete(kinds.pods, "p", { namespace: "sample", propagationPolicy: "Foreground" });
    assert.match(JSON.stringify(seen.at(-1)?.body), /Foreground/);
    const stop = new AbortController();
    for await (const event of client.watch(kinds.pods, { namespace: "sample" }, stop.signal)) {
      assert.deepEqual(event.object.metadata, { name: "one" });
      stop.abort();
    }
    assert.deepEqual(
      seen.map(({ method, path }) => `${method} ${path}`),
      [
        "GET /api/v1/namespaces/sample/pods/p",
        "PATCH /api/v1/namespaces/sample/pods/p",
        "DELETE /api/v1/namespaces/sample/pods/p",
        "GET /api/v1/namespaces/sample/pods",
      ],
    );
    assert.equal(seen[1]?.headers["content-type"], "application/merge-patch+json");
    assert.equal(seen[1]?.query.get("fieldManager"), "test");
    assert.equal(relay.connection("east")?.agentVersion, "1.2.3");
  });

  test("an agent with a token that nobody gave it is turned away", async () => {
    const { relay, port } = await relayAt();
    const agent = agentTo(port, { send: assert.fail }, "bad");
    const good = agentTo(port, { send: assert.fail });
    await until(() => good.isConnected);
    assert.deepEqual([agent.isConnected, relay.connection("east")?.isConnected], [false, true]);
  });

  test("an agent that hangs up while it is authenticated is not taken in", async () => {
    let answer = (_cluster: string) => {};
    const authenticated = new Promise<string>((resolve) => {
      answer = resolve;
    });
    let asked = 0;
    const { relay, port } = await relayAt(
      () => true,
      0,
      (token) => {
        asked++;
        return token === "impatient" ? authenticated : Promise.resolve("west");
      },
    );
    const impatient = new AbortController();
    agentTo(port, { send: assert.fail }, "impatient", impatient.signal);
    await until(() => asked === 1);
    impatient.abort();
    const patient = agentTo(port, { send: assert.fail }, "patient");
    await until(() => patient.isConnected);
    answer("east");
    await until(() => relay.connection("west")?.isConnected === true);
    assert.notEqual(relay.connection("east")?.isConnected, true);
  });

  test("while nobody is connected requests fail at once, and an agent comes back after the manager's restart", async () => {
    const { relay, port, end } = await relayAt();
    const agent = agentTo(port, { send: async () => ({ status: 200, headers: {}, body: { items: [] } }) });
    await until(() => relay.connection("east")?.isConnected === true);
    const transport = relay.transport("east");
    end();
    await until(() => !agent.isConnected);
    const request = { method: "GET", path: "/", query: new URLSearchParams(), headers: {} } as const;
    await assert.rejects(transport.send(request), { code: "cluster/unreachable" });
    const again = await relayAt(() => true, port);
    await until(() => again.relay.connection("east")?.isConnected === true);
    assert.equal((await again.relay.transport("east").send(request)).status, 200);
  });

  test("a manager that does not lead takes no agent in", async () => {
    let isLeader = false;
    const { relay, port } = await relayAt(() => isLeader);
    agentTo(port, { send: assert.fail });
    assert.equal(relay.connection("east"), undefined);
    isLeader = true;
    await until(() => relay.connection("east")?.isConnected === true);
  });

  for (const server of [":9900", "10.0.0.1", "10.0.0.1:0", ""])
    test(`GLOO-42 "${server}" is no address to register with`, () => {
      assert.throws(() => parseRelayServer(server), { code: "arguments/wrong" });
    });
});
