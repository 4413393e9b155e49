import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, suite, test } from "vitest";
import { WebSocket } from "ws";
import { waitFor } from "../../../base/index.ts";
import { kinds } from "../../../kube/index.ts";
import { isReady, startTestNodes, type TestNodes } from "../../test-support/start-test-nodes.ts";

const jsonOf = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());

interface Said {
  readonly type: string;
  readonly id: number;
  readonly text?: string;
  readonly message?: string;
}

suite("open-webui", () => {
  let nodes: TestNodes;
  let model = "";
  let page = "";

  const start = async (name: string, image: string, env: Readonly<Record<string, string>>) => {
    const variables = Object.entries(env).map(([variable, value]) => ({ name: variable, value }));
    await nodes.create(name, { containers: [{ name: "app", image, env: variables }] });
    return (await nodes.see(name, (seen) => isReady(seen) && seen)).status?.podIP ?? "";
  };
  const startPage = async (name: string, env: Readonly<Record<string, string>>) =>
    `${await start(name, "ghcr.io/open-webui/open-webui:main", env)}:8080`;
  /** A server that does what no model does. */
  const stubborn = createServer((request, response) => {
    if (request.url === "/busy/models") response.writeHead(503).end("no healthy upstream");
    else if (request.url === "/odd/models") response.end("<html>");
    else if (request.url === "/late/models") response.end('{"data":[{"id":"late"}]}');
    // Anything else is never answered.
  });

  beforeAll(async () => {
    nodes = await startTestNodes();
    await new Promise<void>((resolve) => stubborn.listen(0, "127.0.0.1", resolve));
    const address = await start("llm", "lmsysorg/sglang", {
      MODEL_PATH: "acme/tiny",
      TOKENS_PER_SECOND: "500",
    });
    model = `http://${address}:30000/v1`;
    const plans = `http://${await start("plans", "ghcr.io/open-webui/pipelines:main", {})}:9099`;
    page = await startPage("page", { OPENAI_API_BASE_URLS: `${plans};${model}/` });
  });
  afterAll(async () => {
    stubborn.closeAllConnections();
    stubborn.close();
    await nodes.stop();
  });
  const place = (path: string) => `http://127.0.0.1:${(stubborn.address() as AddressInfo).port}${path}`;
  const models = async (at: string) => jsonOf(fetch(`http://${at}/api/models`));
  const question = { model: "acme/tiny", messages: [{ role: "user", content: "hello" }] };

  const open = async (at: string) => {
    const socket = new WebSocket(`ws://${at}/ws/chat`);
    const said: Said[] = [];
    socket.on("message", (data) => said.push(JSON.parse(String(data))));
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    const until = (type: string, id: number) =>
      waitFor(() => said.find((one) => one.type === type && one.id === id), {
        signal: AbortSignal.timeout(30_000),
      });
    return { socket, said, until };
  };

  test("serves a page that needs nothing from elsewhere and may not be framed", async () => {
    const response = await fetch(`http://${page}/`);
    const html = await response.text();
    assert.match(
      response.headers.get("content-security-policy") ?? "",
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    assert.doesNotMatch(html, /https?:\/\/(?!www\.w3\.org)/);
    const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
    assert.equal(parts.length, 2);
    for (const path of parts) assert.equal((await fetch(`http://${page}${path}`)).status, 200, path);
    assert.deepEqual(await jsonOf(fetch(`http://${page}/health`)), { status: true });
    assert.equal((await fetch(`http://${page}/../secret`)).status, 404);
  });

  test("a name of the user's own is text on the page, never markup", async () => {
    const named = await startPage("named", { WEBUI_NAME: "<b>Ask & go</b>" });
    assert.match(await (await fetch(`http://${named}/`)).text(), /<h1>&#60;b&#62;Ask &#38; go/);
  });

  test("lists the models of all its servers", async () => {
    const { data, errors } = await models(page);
    assert.deepEqual(
      data.map(({ id, server }: Record<string, string>) => [id, server]),
      [["acme/tiny", model]],
    );
    assert.deepEqual(errors, []);
  });

  test("answers over a websocket as the words come, several questions side by side", async () => {
    const { socket, said, until } = await open(page);
    for (const id of [1, 2]) socket.send(JSON.stringify({ type: "chat", id, ...question }));
    await Promise.all([until("done", 1), until("done", 2)]);
    for (const id of [1, 2]) {
      const texts = said.filter((one) => one.type === "delta" && one.id === id).map(({ text }) => text);
      assert.ok(texts.length > 10, "word by word");
      assert.match(texts.join(""), /pod llm in cluster test.*“hello”/);
    }
    socket.close();
  });

  test("an answer that is stopped ends at once, and the next question is answered", async () => {
    const { socket, said, until } = await open(page);
    const endless = { ...question, messages: [{ role: "user", content: "word ".repeat(5000) }] };
    socket.send(JSON.stringify({ type: "chat", id: 1, ...endless }));
    await until("delta", 1);
    socket.send(JSON.stringify({ type: "stop", id: 1 }));
    await until("done", 1);
    assert.ok(said.length < 2000);
    socket.send(JSON.stringify({ type: "chat", id: 2, ...question }));
    await until("done", 2);
    socket.close();
  });

  test("passes chats on over HTTP, streamed or whole, as the model's server answers them", async () => {
    const ask = (more: object) =>
      fetch(`http://${page}/api/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ ...question, ...more }),
      });
    const whole = await jsonOf(ask({}));
    assert.match(whole.choices[0].message.content, /pod llm in cluster test/);
    const streamed = await ask({ stream: true });
    assert.match(streamed.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.match(await streamed.text(), /data: \[DONE\]\n\n$/);
    const unknown = await ask({ model: "gpt" });
    assert.deepEqual([unknown.status, await jsonOf(unknown)], [404, { detail: "Model gpt not found" }]);
  });

  test("names the server that fails and what it said; the others' models are listed all the same", async () => {
    const urls = [place("/busy"), place("/odd"), "http://127.0.0.1:1/v1", model.replace("/v1", ""), model];
    const { data, errors } = await models(await startPage("mixed", { OPENAI_API_BASE_URLS: urls.join(";") }));
    assert.equal(data.length, 1);
    const [busy, odd, closed, pathless] = errors.map(({ message }: { message: string }) => message);
    assert.equal(busy, `${place("/busy")} answered 503: no healthy upstream`);
    assert.equal(odd, `${place("/odd")}/models is no list of models`);
    assert.match(closed, /^http:\/\/127\.0\.0\.1:1\/v1 can't be reached: .*ECONNREFUSED/);
    assert.match(pathless, /answered 404: .*\(OpenAI's API is mostly below \/v1\)$/);
  });

  test("a server that never answers is given up after the limits, for lists and for answers", async () => {
    const limits = { AIOHTTP_CLIENT_TIMEOUT: "0.2", AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST: "0.2" };
    const silent = await startPage("silent", { ...limits, OPENAI_API_BASE_URL: place("/never") });
    const { errors } = await models(silent);
    assert.match(errors[0].message, /gave no whole answer within 0 s$/);
    const late = await startPage("late", { ...limits, OPENAI_API_BASE_URL: place("/late") });
    const { socket, until } = await open(late);
    socket.send(JSON.stringify({ type: "chat", id: 1, model: "late", messages: [] }));
    assert.match((await until("error", 1)).message ?? "", /\/late gave no whole answer within/);
    socket.close();
  });

  test("without a server it says what to set", async () => {
    const { errors } = await models(await startPage("alone", {}));
    assert.match(errors[0].message, /set OPENAI_API_BASE_URL/);
  });

  test("closes sockets that don't speak its language, and refuses upgrades elsewhere", async () => {
    const { socket } = await open(page);
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.send("nonsense");
    assert.equal(await closed, 1008);
    const elsewhere = new WebSocket(`ws://${page}/elsewhere`);
    await new Promise((resolve) => elsewhere.once("error", resolve));
  });

  test("tells its sockets that it goes away", async () => {
    const leaving = await startPage("leaving", {});
    const { socket } = await open(leaving);
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    await nodes.api.client.delete(kinds.pods, "leaving", { namespace: "sample" });
    assert.equal(await closed, 1001);
    await nodes.isGone("leaving");
  });
});
