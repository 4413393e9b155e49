import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { suite, test } from "vitest";
import { type KubeObject, kinds, type Status } from "../../kube/index.ts";
import { configMap, useApiServer } from "../test-support/api-harness.ts";
import { startTestServer } from "../test-support/start-test-server.ts";

const api = useApiServer();

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
}

interface Options {
  readonly method?: string;
  readonly as?: { readonly key: string; readonly cert: string };
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

function open(
  path: string,
  { method = "GET", as, token, headers, body }: Options = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      `${api.server.api.url}${path}`,
      {
        method,
        agent: false,
        ca: api.server.caCert,
        ...as,
        headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      },
      resolve,
    );
    request.on("error", reject);
    request.end(body);
  });
}

async function call(path: string, options?: Options): Promise<Reply> {
  const response = await open(path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return { status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString(), bytes };
}

const admin = () => api.server.client("admin", ["system:masters"]);
const json = { "content-type": "application/json" };

suite("the end of a server", () => {
  test("waits for no client: not for one in its handshake, not for an idle one, not for one that watches", async () => {
    const server = await startTestServer();
    const { hostname, port } = new URL(server.api.url);
    const bare = connect(Number(port), hostname);
    await once(bare, "connect");
    const idle = tlsConnect({ port: Number(port), host: hostname, rejectUnauthorized: false });
    await once(idle, "secureConnect");
    const watching = httpsRequest(`${server.api.url}/api/v1/namespaces?watch=true`, {
      ca: server.caCert,
      agent: false,
      ...server.client("admin", ["system:masters"]),
    }).end();
    const [response] = (await once(watching, "response")) as [IncomingMessage];
    response.resume();
    for (const one of [bare, idle, watching, response]) one.on("error", () => {});
    await server.api.stop();
    bare.destroy();
    idle.destroy();
  });
});

suite("who a client is", () => {
  test("a certificate names user and groups", async () => {
    const as = api.server.client("jane", ["developers", "testers"]);
    const body = JSON.stringify({ kind: "SelfSubjectReview", apiVersion: "authentication.k8s.io/v1" });
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const reply = await call(path, { method: "POST", as, body, headers: json });
    const { userInfo } = (JSON.parse(reply.text) as { status: { userInfo: object } }).status;
    assert.deepEqual(userInfo, {
      username: "jane",
      groups: ["developers", "testers", "system:authenticated"],
    });
  });

  test("nobody may read the version and nothing else", async () => {
    assert.equal((await call("/version")).status, 200);
    assert.equal((await call("/readyz")).text, "ok");
    const reply = await call("/api/v1/namespaces/default/pods");
    assert.equal(reply.status, 403);
    assert.equal(
      (JSON.parse(reply.text) as Status).message,
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
    );
  });

  test("a certificate of a stranger and a forged token are nobody's: 401", async () => {
    const other = await startTestServer();
    const stranger = await call("/version", { as: other.client("admin", ["system:masters"]) });
    await other.api.stop();
    assert.equal(stranger.status, 401);
    assert.equal((JSON.parse(stranger.text) as Status).message, "Unauthorized");
    for (const token of ["x", "a.b.c", `${"x".repeat(9000)}.y.z`])
      assert.equal((await call("/version", { token })).status, 401);
  });

  test("a token counts while its account, its pod and its time last", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(kinds.pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    const answer = (await api.client.post(`/api/v1/namespaces/${namespace}/serviceaccounts/default/token`, {
      spec: { boundObjectRef: { kind: "Pod", name: "p" } },
    })) as { status: { token: string } };
    const { token } = answer.status;
    const reply = await call(`/api/v1/namespaces/${namespace}/pods`, { token });
    assert.match(
      reply.text,
      new RegExp(`User \\\\"system:serviceaccount:${namespace}:default\\\\" cannot list`),
    );
    await api.client.delete(kinds.pods, "p", { namespace, gracePeriodSeconds: 0 });
    assert.equal((await call("/version", { token })).status, 401);
  });

  test("a token for somebody else does not count here, and a review says for whom it does", async () => {
    const namespace = await api.freshNamespace();
    const answer = (await api.client.post(`/api/v1/namespaces/${namespace}/serviceaccounts/default/token`, {
      spec: { audiences: ["istio-ca"] },
    })) as { status: { token: string } };
    const { token } = answer.status;
    assert.equal((await call("/version", { token })).status, 401);
    const review = async (audiences: readonly string[]) =>
      (await api.client.post("/apis/authentication.k8s.io/v1/tokenreviews", {
        spec: { token, audiences },
      })) as {
        status: { authenticated: boolean; user: { username?: string }; audiences?: string[] };
      };
    assert.equal((await review([])).status.authenticated, false);
    const { status } = await review(["istio-ca", "other"]);
    assert.deepEqual(
      [status.authenticated, status.user.username, status.audiences],
      [true, `system:serviceaccount:${namespace}:default`, ["istio-ca"]],
    );
  });

  test("a token in a Secret counts while the Secret holds it", async () => {
    const namespace = await api.freshNamespace();
    const account = await api.client.get(kinds.serviceAccounts, "default", namespace);
    const uid = account?.metadata.uid ?? "";
    const token = api.server.api.signServiceAccountToken({ namespace, name: "default", uid }, { name: "s" });
    assert.equal((await call("/version", { token })).status, 401);
    await api.client.create(kinds.secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace, annotations: { "kubernetes.io/service-account.name": "default" } },
      type: "kubernetes.io/service-account-token",
      data: { token: Buffer.from(token).toString("base64") },
    });
    assert.equal((await call("/version", { token })).status, 200);
    await api.client.delete(kinds.secrets, "s", { namespace });
    assert.equal((await call("/version", { token })).status, 401);
  });

  test("who may impersonate acts as somebody else", async () => {
    const headers = { "impersonate-user": "jane" };
    const allowed = await call("/api/v1/pods", { as: admin(), headers });
    assert.match(allowed.text, /User \\"jane\\" cannot list/);
    const refused = await call("/api/v1/pods", { as: api.server.client("eve", []), headers });
    assert.match(
      refused.text,
      /users \\"jane\\" is forbidden: User \\"eve\\" cannot impersonate resource \\"users\\"/,
    );
  });
});

suite("bodies", () => {
  test("are limited to 3 MiB", async () => {
    const body = Buffer.alloc(3 * 1024 * 1024 + 1, 32);
    const reply = await call("/api/v1/namespaces", { method: "POST", as: admin(), headers: json, body });
    assert.equal(reply.status, 413);
    assert.match(reply.text, /Request entity too large: limit is 3145728/);
  });

  test("may be YAML, and answers too", async () => {
    const body = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: from-yaml\n";
    const headers = { "content-type": "application/yaml", accept: "application/yaml" };
    const reply = await call("/api/v1/namespaces", { method: "POST", as: admin(), headers, body });
    assert.equal(reply.status, 201);
    assert.equal(reply.headers["content-type"], "application/yaml");
    assert.match(reply.text, /^apiVersion: v1\nkind: Namespace\n/);
  });

  test("with a field twice are refused when asked to be strict", async () => {
    const body =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}';
    const path = "/api/v1/namespaces/default/configmaps?fieldValidation=";
    const strict = await call(`${path}Strict`, { method: "POST", as: admin(), headers: json, body });
    assert.match(strict.text, /strict decoding error: duplicate field \\"data.a\\"/);
    const warned = await call(`${path}Warn`, { method: "POST", as: admin(), headers: json, body });
    assert.equal(warned.headers["warning"], '299 - "duplicate field \\"data.a\\""');
  });

  for (const [what, body, message] of [
    ["no JSON", "{", /must be of type application\/json/],
    ["no object", "[]", /it is no object/],
    ["nothing", "", /has no body/],
    [
      "nested for ever",
      `{"metadata":{"name":"deep","managedFields":[{"fieldsV1":${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}}]}}`,
      /nested too deeply/,
    ],
  ] as const)
    test(`that are ${what} are a clear mistake`, async () => {
      const reply = await call("/api/v1/namespaces", { method: "POST", as: admin(), headers: json, body });
      assert.equal(reply.status, 400);
      assert.match(reply.text, message);
    });
});

suite("answers", () => {
  test("that are large come compressed when the client takes it", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(kinds.configMaps, configMap(namespace, "a", { x: "x".repeat(200_000) }));
    const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
    const plain = await call(path, { as: admin() });
    const packed = await call(path, { as: admin(), headers: { "accept-encoding": "gzip" } });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.ok(packed.bytes.length < plain.bytes.length / 10);
  });

  test("of discovery are not sent again to who has them, until something changes", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const first = await call("/apis", { as: admin(), headers: { accept } });
    assert.equal(
      first.headers["content-type"],
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    const headers = { accept, "if-none-match": String(first.headers.etag) };
    assert.equal((await call("/apis", { as: admin(), headers })).status, 304);
    await api.client.create(kinds.customResourceDefinitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "things.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "things", kind: "Thing" },
        versions: [
          { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
        ],
      },
    });
    const changed = await call("/apis", { as: admin(), headers });
    assert.equal(changed.status, 200);
    assert.match(changed.text, /example.com/);
  });

  test("of a watch begin before the first event", async () => {
    const namespace = await api.freshNamespace();
    const path = `/api/v1/namespaces/${namespace}/configmaps?watch=true&resourceVersion=`;
    const { resourceVersion } = await api.client.list(kinds.configMaps, { namespace });
    const response = await open(`${path}${resourceVersion}`, { as: admin() });
    assert.equal(response.statusCode, 200);
    await api.client.create(kinds.configMaps, configMap(namespace, "a"));
    const [chunk] = (await once(response, "data")) as [Buffer];
    const event = JSON.parse(chunk.toString()) as { type: string; object: KubeObject };
    assert.deepEqual([event.type, event.object.metadata.name], ["ADDED", "a"]);
    response.destroy();
  });

  test("of a watch with a timeout end", async () => {
    const reply = await call(
      "/api/v1/namespaces?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Ddefault",
      { as: admin() },
    );
    assert.equal(reply.text.split("\n").filter((line) => line !== "").length, 1);
  });

  for (const [method, path, status] of [
    ["GET", "/nowhere", 404],
    ["GET", "/api/v1/nonsense", 404],
    ["GET", "/apis/none.example.com/v1", 404],
    ["DELETE", "/api/v1", 405],
    ["POST", "/api/v1/namespaces/default/pods/p/status", 405],
    ["GET", "/api/v1/namespaces/default/pods/p/exec", 400],
    ["PUT", "/api/v1/namespaces/default/configmaps/missing", 404],
  ] as const)
    test(`${method} ${path} is a ${status}`, async () => {
      const body = method === "PUT" ? JSON.stringify(configMap("default", "missing")) : "";
      const reply = await call(path, { method, as: admin(), headers: json, body });
      assert.equal(reply.status, status);
      assert.equal((JSON.parse(reply.text) as Status).kind, "Status");
    });
});

for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"])
  test(`${name} is a name like any other`, async () => {
    const namespace = await api.freshNamespace();
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      type: name,
      data: { [name]: "YQ==" },
    };
    const path = `/api/v1/namespaces/${namespace}`;
    const body = JSON.stringify(secret).replace('"data":{}', '"data":{"__proto__":"YQ=="}');
    const made = await call(`${path}/secrets`, { method: "POST", as: admin(), headers: json, body });
    assert.equal(made.status, 201, made.text);
    const pod = {
      metadata: { name: "p" },
      spec: { priorityClassName: name, containers: [{ name: "c", image: "i" }] },
    };
    const refused = await call(`${path}/pods`, {
      method: "POST",
      as: admin(),
      headers: json,
      body: JSON.stringify(pod),
    });
    assert.equal(refused.status, 403);
    const listed = await call(`${path}/pods?fieldSelector=${name}%3Dx`, { as: admin() });
    assert.equal(listed.status, 400);
    assert.equal((await call(`/api/v1/${name}`, { as: admin() })).status, 404);
  });

test("rubbish in place of HTTP ends the connection and nothing else", async () => {
  const { port } = new URL(api.server.api.url);
  const socket = tlsConnect({
    host: "127.0.0.1",
    port: Number(port),
    ca: api.server.caCert,
    servername: "localhost",
  });
  await once(socket, "secureConnect");
  socket.write("\x00\x01 rubbish\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  assert.equal((await call("/readyz")).status, 200);
});
