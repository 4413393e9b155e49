import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import type { Container } from "../../../kube/index.ts";
import { isReady, startTestNodes, type TestNodes } from "../../test-support/start-test-nodes.ts";
import { readServerOptions } from "./server-options.ts";

const jsonOf = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());

const launch = ["python3", "-m", "sglang.launch_server", "--model-path", "acme/tiny-1B", "--port", "30000"];

suite("sglang", () => {
  let nodes: TestNodes;
  let url = "";

  const start = async (name: string, container: Partial<Container>) => {
    await nodes.create(name, { containers: [{ name: "app", image: "lmsysorg/sglang:v0.4", ...container }] });
    const pod = await nodes.see(name, (seen) => isReady(seen) && seen);
    return `http://${pod.status?.podIP}`;
  };
  beforeAll(async () => {
    nodes = await startTestNodes();
    const env = [{ name: "TOKENS_PER_SECOND", value: "500" }];
    url = `${await start("it", { command: launch, env })}:30000`;
  });
  afterAll(() => nodes.stop());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const ask = (more: object = {}) =>
    post("/v1/chat/completions", { messages: [{ role: "user", content: "Where are you?" }], ...more });
  /** The JSON of the events, and when each came in milliseconds. */
  const events = async (response: Response) => {
    const found: { readonly data: string; readonly at: number }[] = [];
    let rest = "";
    const decoder = new TextDecoder();
    for await (const part of response.body as AsyncIterable<Uint8Array>) {
      const blocks = (rest + decoder.decode(part, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) found.push({ data: block.replace(/^data: /, ""), at: performance.now() });
    }
    return found;
  };

  test("says that it is well and which model it serves", async () => {
    assert.equal((await fetch(`${url}/health`)).status, 200);
    const { object, data } = await jsonOf(fetch(`${url}/v1/models`));
    assert.equal(object, "list");
    assert.deepEqual(
      data.map(({ id, object: kind, owned_by }: Record<string, string>) => [id, kind, owned_by]),
      [["acme/tiny-1B", "model", "sglang"]],
    );
    assert.equal((await jsonOf(fetch(`${url}/v1/models/acme%2Ftiny-1B`))).id, "acme/tiny-1B");
  });

  test("answers a chat with its pod, its cluster and what it was asked, and counts tokens", async () => {
    const answer = await jsonOf(ask({ model: "acme/tiny-1B" }));
    const [{ message, finish_reason, index }] = answer.choices;
    assert.deepEqual(
      [answer.object, answer.model, message.role, finish_reason, index],
      ["chat.completion", "acme/tiny-1B", "assistant", "stop", 0],
    );
    assert.match(message.content, /from pod it in cluster test\. You said: “Where are you\?”/);
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.deepEqual([prompt_tokens, total_tokens], [3, 3 + completion_tokens]);
  });

  test("streams the same text in chunks as they are made, with the usage when asked, and [DONE]", {
    retry: 5,
  }, async () => {
    const response = await ask({ stream: true, stream_options: { include_usage: true } });
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    const found = await events(response);
    assert.equal(found.at(-1)?.data, "[DONE]");
    const chunks = found.slice(0, -1).map(({ data }) => JSON.parse(data));
    assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "" });
    assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
    const whole = await jsonOf(ask());
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual(chunks.at(-1).usage, whole.usage);
    for (const { id, object } of chunks)
      assert.deepEqual([id, object], [chunks[0].id, "chat.completion.chunk"]);
    assert.ok((found.at(-1)?.at ?? 0) - (found[0]?.at ?? 0) > 30, "it comes over time, not at once");
  });

  test("with ignore_eos the answer is as long as max_tokens says; else it ends there at the latest", async () => {
    const long = await jsonOf(ask({ ignore_eos: true, max_tokens: 100 }));
    assert.deepEqual([long.usage.completion_tokens, long.choices[0].finish_reason], [100, "length"]);
    const short = await jsonOf(ask({ max_completion_tokens: 3 }));
    assert.deepEqual(
      [short.choices[0].message.content.split(" ").length, short.choices[0].finish_reason],
      [3, "length"],
    );
  });

  test("a stop text ends the answer before it, also over the border of tokens", async () => {
    const answer = await jsonOf(ask({ stop: ["from pod"] }));
    assert.match(answer.choices[0].message.content, /answering $/);
    assert.equal(answer.choices[0].finish_reason, "stop");
  });

  test("completes a prompt, whole and streamed", async () => {
    const whole = await jsonOf(post("/v1/completions", { prompt: "Once", max_tokens: 2 }));
    assert.deepEqual([whole.object, whole.choices[0].text], ["text_completion", "This is"]);
    const streamed = await post("/v1/completions", { prompt: "Once", max_tokens: 2, stream: true });
    const texts = (await events(streamed)).slice(0, -1).map(({ data }) => JSON.parse(data).choices[0].text);
    assert.equal(texts.join(""), "This is");
  });

  const refusals: readonly {
    readonly what: string;
    readonly body?: unknown;
    readonly path?: string;
    readonly says: readonly [number, string | null, string | null];
  }[] = [
    { what: "a body that is no JSON", body: "{", says: [400, null, null] },
    { what: "no messages", body: { messages: [] }, says: [400, "messages", null] },
    { what: "a message without a role", body: { messages: [{}] }, says: [400, "messages[0].role", null] },
    {
      what: "a model that is not served",
      body: { model: "gpt", messages: [{ role: "user", content: "x" }] },
      says: [404, "model", "model_not_found"],
    },
    {
      what: "max_tokens of zero",
      body: { max_tokens: 0, messages: [{ role: "user", content: "x" }] },
      says: [400, "max_tokens", null],
    },
    { what: "an unknown path", path: "/v1/images", body: {}, says: [404, null, "unknown_url"] },
    {
      what: "POST where GET is meant",
      path: "/v1/models",
      body: {},
      says: [405, null, "method_not_supported"],
    },
  ];
  for (const { what, body, path = "/v1/chat/completions", says } of refusals) {
    test(`refuses ${what} in OpenAI's form with ${says[0]}`, async () => {
      const response = await post(path, body);
      const { error } = await jsonOf(response);
      assert.deepEqual([response.status, error.param, error.code], says);
      assert.equal(error.type, "invalid_request_error");
      assert.ok(error.message.length > 0);
    });
  }

  test("serves on the port, under the name and with the key that its command line names", async () => {
    const command = ["sh", "-c", "python3 -m sglang.launch_server --model-path=a/b --port 8123"];
    const args = ["--served-model-name", "pet", "--api-key", "s3cret"];
    const other = `${await start("other", { command, args })}:8123`;
    const refused = await fetch(`${other}/v1/models`);
    assert.deepEqual([refused.status, (await jsonOf(refused)).error.code], [401, "invalid_api_key"]);
    assert.equal((await fetch(`${other}/health`)).status, 200);
    const { data } = await jsonOf(
      fetch(`${other}/v1/models`, { headers: { authorization: "Bearer s3cret" } }),
    );
    assert.deepEqual([data[0].id, data[0].root], ["pet", "a/b"]);
  });
});

suite("readServerOptions()", () => {
  test("takes the environment's model when the command line names none, and a default of its own", () => {
    assert.equal(readServerOptions([], { MODEL_PATH: "x/y" }).servedName, "x/y");
    assert.match(readServerOptions(["--port", "no"], {}).servedName, /^meta-llama\//);
    assert.equal(readServerOptions(["--port", "no"], {}).port, 30000);
  });
});
