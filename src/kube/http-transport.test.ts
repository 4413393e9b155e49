import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import { createHttpTransport, type HttpTransport } from "./http-transport.ts";
import type { ApiRequest } from "./transport.ts";

const host = "127.0.0.1";
const certificates = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "http-transport.fixtures.json"), "utf8"),
) as Readonly<Record<"ca" | "otherCa" | "cert" | "key", string>>;
let server: Server;
let url: string;
let answer: RequestListener = () => {};
const transports: HttpTransport[] = [];

function transport(options: Partial<Parameters<typeof createHttpTransport>[0]> = {}): HttpTransport {
  const made = createHttpTransport({ server: url, ca: certificates.ca, token: "secret", ...options });
  transports.push(made);
  return made;
}

function get(target: string, query: Record<string, string> = {}): ApiRequest {
  return {
    method: "GET",
    path: target,
    query: new URLSearchParams(query),
    headers: { accept: "application/json" },
  };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function refusal(promise: Promise<unknown>): Promise<IsthmusError> {
  const reason: unknown = await promise.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  assert.ok(reason instanceof IsthmusError, String(reason));
  return reason;
}

beforeAll(async () => {
  const made = createServer({ key: certificates.key, cert: certificates.cert }, (request, response) =>
    answer(request, response),
  );
  server = made;
  await new Promise<void>((resolve) => made.listen(0, host, resolve));
  url = `https://${host}:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  for (const made of transports) made.close();
  await new Promise((resolve) => server.close(resolve));
});

suite("createHttpTransport()", () => {
  test("sends what the server refused once more with a renewed token, and no more than once", async () => {
    const seen: (string | undefined)[] = [];
    answer = (request, response) => {
      seen.push(request.headers.authorization);
      const isGood = request.headers.authorization === "Bearer new";
      json(response, isGood ? 200 : 401, isGood ? { items: [] } : { kind: "Status" });
    };
    let current = "old";
    const tokens = {
      current: async () => current,
      refused() {
        current = "new";
      },
    };
    assert.equal((await transport({ tokens }).send(get("/a"))).status, 200);
    assert.deepEqual(seen, ["Bearer old", "Bearer new"]);
    seen.length = 0;
    current = "old";
    const never = { current: async () => "old", refused() {} };
    assert.equal((await transport({ tokens: never }).send(get("/a"))).status, 401);
    assert.deepEqual(seen, ["Bearer old"]);
  });

  test("sends method, path, query, token and JSON body, and reads JSON", async () => {
    let seen: IncomingMessage | undefined;
    let body = "";
    answer = (request, response) => {
      seen = request;
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => json(response, 201, { ok: true }));
    };
    const response = await transport().send({
      method: "POST",
      path: "/api/v1/namespaces/x/pods",
      query: new URLSearchParams({ dryRun: "All" }),
      headers: { "content-type": "application/json", accept: undefined },
      body: { a: "ü" },
    });
    assert.deepEqual([response.status, response.body], [201, { ok: true }]);
    assert.equal(seen?.url, "/api/v1/namespaces/x/pods?dryRun=All");
    assert.equal(seen?.headers.authorization, "Bearer secret");
    assert.deepEqual(JSON.parse(body), { a: "ü" });
  });

  test("an HTTP error is an answer, and text stays text", async () => {
    answer = (_, response) => json(response, 404, { kind: "Status", code: 404 });
    assert.deepEqual((await transport().send(get("/x"))).body, { kind: "Status", code: 404 });
    answer = (_, response) => response.end("ok");
    assert.equal((await transport().send(get("/healthz"))).body, "ok");
  });

  test("connections are kept and used again", async () => {
    const ports = new Set<number | undefined>();
    answer = (request, response) => {
      ports.add(request.socket.remotePort);
      json(response, 200, {});
    };
    const one = transport();
    for (let i = 0; i < 3; i++) await one.send(get("/x"));
    assert.equal(ports.size, 1);
  });

  test("a watch gives events as they come, however the lines are cut", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      for (const part of ['{"n":1}\n{"n"', ":2}\n\n", '{"n":3}\n']) response.write(part);
      response.end();
    };
    const { events } = await transport().send(get("/x", { watch: "true" }));
    const seen: unknown[] = [];
    for await (const event of events ?? []) seen.push(event);
    assert.deepEqual(seen, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test("a refused watch has a body and no events", async () => {
    answer = (_, response) => json(response, 410, { code: 410 });
    const response = await transport().send(get("/x", { watch: "true" }));
    assert.deepEqual([response.status, response.body, response.events], [410, { code: 410 }, undefined]);
  });

  test("ending the iteration ends the watch, and so does the signal", async () => {
    let closed = 0;
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"n":1}\n');
      response.on("close", () => closed++);
    };
    const first = await transport().send(get("/x", { watch: "true" }));
    for await (const _ of first.events ?? []) break;
    const abort = new AbortController();
    const second = await transport().send(get("/x", { watch: "true" }), abort.signal);
    for await (const _ of second.events ?? []) abort.abort();
    while (closed < 2) await new Promise((resolve) => setImmediate(resolve));
  });

  test("a body in chunks comes as it is written, unless it is an error, and ends with the signal", async () => {
    const stop = new AbortController();
    const opened: ServerResponse[] = [];
    answer = (_request, response) => {
      opened.push(response);
      response.writeHead(200, { "content-type": "text/plain" }).write("one");
    };
    const request = { ...get("/api/v1/namespaces/a/pods/b/log", { follow: "true" }), inChunks: true };
    const { body, chunks } = await transport().send(request, stop.signal);
    assert.equal(body, undefined);
    const seen: string[] = [];
    for await (const chunk of chunks ?? []) {
      seen.push(Buffer.from(chunk).toString());
      if (seen.length === 1) opened[0]?.write("two");
      else stop.abort();
    }
    assert.deepEqual(seen, ["one", "two"]);
    answer = (_request, response) => json(response, 400, { kind: "Status", code: 400 });
    const refused = await transport().send(request);
    assert.deepEqual(
      [refused.status, refused.body, refused.chunks],
      [400, { kind: "Status", code: 400 }, undefined],
    );
  });

  test("an event or an answer without end is refused", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end("x".repeat(5000));
    };
    const small = transport({ mostEventBytes: 1000, mostBytes: 1000 });
    const { events } = await small.send(get("/x", { watch: "true" }));
    const read = async () => {
      for await (const _ of events ?? []);
    };
    assert.match((await refusal(read())).message, /event of more than 1000 bytes/);
    assert.match((await refusal(small.send(get("/x")))).message, /answer of more than 1000 bytes/);
  });

  test("a server that nobody trusts, that is not there, or that is no address is named", async () => {
    const untrusted = await refusal(transport({ ca: certificates.otherCa }).send(get("/x")));
    assert.equal(untrusted.code, "cluster/unreachable");
    assert.match(untrusted.message, /certificate of https:.* cannot be trusted/);
    const unused = createTcpServer();
    await new Promise<void>((resolve) => unused.listen(0, host, resolve));
    const { port } = unused.address() as AddressInfo;
    await new Promise((resolve) => unused.close(resolve));
    const away = await refusal(transport({ server: `https://${host}:${port}` }).send(get("/x")));
    assert.match(away.message, /cannot be reached: nothing listens there/);
    assert.throws(() => createHttpTransport({ server: "east" }), /is no address/);
  });

  test("without a check of certificates the server need not be trusted", async () => {
    answer = (_, response) => json(response, 200, {});
    assert.equal((await transport({ ca: certificates.otherCa, insecure: true }).send(get("/x"))).status, 200);
  });

  test("the caller may open the connections", async () => {
    answer = (_, response) => json(response, 200, {});
    const dialled: string[] = [];
    const { port } = server.address() as AddressInfo;
    const one = transport({
      server: `https://127.9.9.9:${port}`,
      serverName: "localhost",
      connect(name, to) {
        dialled.push(`${name}:${to}`);
        return connect(to, host);
      },
    });
    assert.equal((await one.send(get("/x"))).status, 200);
    assert.deepEqual(dialled, [`127.9.9.9:${port}`]);
  });

  test("a connection of the caller's that fails is a server that cannot be reached", async () => {
    const { port } = server.address() as AddressInfo;
    const one = transport({ connect: () => connect({ host: "127.255.255.254", port: port === 1 ? 2 : 1 }) });
    assert.match((await refusal(one.send(get("/x")))).message, /nothing listens there/);
  });

  test("an aborted request rejects with the signal's reason", async () => {
    answer = () => {};
    const reason = new Error("enough");
    const abort = new AbortController();
    const sent = transport().send(get("/x"), abort.signal);
    setImmediate(() => abort.abort(reason));
    await assert.rejects(sent, reason);
  });
});
