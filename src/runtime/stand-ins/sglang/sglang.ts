import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ContainerContext, StandIn } from "../../contracts.ts";
import { exposePort } from "../expose-port.ts";
import { type HttpAnswer, type ReadBody, serveHttp } from "../serve-http.ts";
import { ApiFailure, failureAnswer, jsonAnswer } from "./api-failure.ts";
import { type Ending, generate } from "./generate.ts";
import { type GenerationRequest, readChatRequest, readCompletionRequest } from "./generation-request.ts";
import { readServerOptions, type ServerOptions } from "./server-options.ts";

const usualPort = 30000;
const defaultTokensPerSecond = 100;

/**
 * lmsysorg/sglang: a language model behind OpenAI's API, without weights. It answers with its pod's and cluster's name
 * and what it was asked, at TOKENS_PER_SECOND (100), streamed or whole. A request with ignore_eos is answered with as many
 * tokens as its max_tokens says, so that answers can be made to last.
 */
export const sglang: StandIn = {
  name: "sglang",
  matches: (imageName) => imageName === "sglang",
  ports: [usualPort],
  async start(context) {
    const { container, env } = context;
    const options = readServerOptions([...(container.command ?? []), ...(container.args ?? [])], env);
    if (options.port !== usualPort) await exposePort(context, options.port);
    const routes = modelRoutes(context, options);
    context.log(`The server is fired up and ready to roll! ${options.servedName} on port ${options.port}`);
    return serveHttp(context, options.port, async (request, readBody) => {
      const [path = "/"] = (request.url ?? "/").split("?", 1);
      try {
        return await routes(`${request.method} ${path}`, request, readBody);
      } catch (reason) {
        if (!(reason instanceof ApiFailure)) throw reason;
        return failureAnswer(reason);
      }
    });
  },
};

function modelRoutes({ env, pod, cluster }: ContainerContext, options: ServerOptions) {
  const { servedName, modelPath, apiKey } = options;
  const started = seconds();
  const pace = 1000 / (Number(env["TOKENS_PER_SECOND"]) || defaultTokensPerSecond);
  const speaker = { model: servedName, pod: pod.metadata.name, cluster };
  const model = { id: servedName, object: "model", created: started, owned_by: "sglang", root: modelPath };
  const answer = (request: GenerationRequest, form: AnswerForm, isGone: () => boolean) => {
    if (request.model !== undefined && request.model !== servedName) throw unknownModel(request.model);
    const tokens = generate(request, speaker, createPace(pace));
    const head = { id: `${form.prefix}-${randomUUID()}`, created: seconds(), model: servedName };
    return request.isStreamed
      ? { status: 200, headers: streamHeaders, body: stream(request, form, head, tokens) }
      : whole(request, form, head, tokens, isGone);
  };
  return async (route: string, request: IncomingMessage, readBody: ReadBody): Promise<HttpAnswer> => {
    if (/^(GET|HEAD) \/health(_generate)?$/.test(route)) return { status: 200, body: "" };
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`)
      throw new ApiFailure(401, "Incorrect API key provided.", { code: "invalid_api_key" });
    const isGone = () => request.socket.destroyed;
    switch (route) {
      case "GET /get_model_info":
        return jsonAnswer({ model_path: modelPath, tokenizer_path: modelPath, is_generation: true });
      case "GET /v1/models":
        return jsonAnswer({ object: "list", data: [model] });
      case "POST /v1/chat/completions":
        return answer(readChatRequest(await readBody()), chatForm, isGone);
      case "POST /v1/completions":
        return answer(readCompletionRequest(await readBody()), completionForm, isGone);
    }
    const [, named] = /^GET \/v1\/models\/(.+)$/.exec(route) ?? [];
    if (named === undefined) throw unknownRoute(route);
    if (![servedName, encodeURIComponent(servedName)].includes(named)) throw unknownModel(named);
    return jsonAnswer(model);
  };
}

function unknownModel(name: string): ApiFailure {
  return new ApiFailure(404, `The model \`${name}\` does not exist`, {
    param: "model",
    code: "model_not_found",
  });
}

function unknownRoute(route: string): ApiFailure {
  const isKnown = /^\S+ \/(health|get_model_info|v1\/(models|chat\/completions|completions))$/.test(route);
  return isKnown
    ? new ApiFailure(405, `Not allowed to ${route}`, { code: "method_not_supported" })
    : new ApiFailure(404, `Unknown request URL: ${route}`, { code: "unknown_url" });
}

/** How the two APIs differ in what they answer. */
interface AnswerForm {
  readonly prefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** Said before the first token. */
  readonly opening?: object;
  choice(text: string): object;
  delta(token: string | undefined): object;
}

const chatForm: AnswerForm = {
  prefix: "chatcmpl",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  opening: { delta: { role: "assistant", content: "" } },
  choice: (content) => ({ message: { role: "assistant", content } }),
  delta: (content) => ({ delta: content === undefined ? {} : { content } }),
};

const completionForm: AnswerForm = {
  prefix: "cmpl",
  object: "text_completion",
  chunkObject: "text_completion",
  choice: (text) => ({ text }),
  delta: (text = "") => ({ text }),
};

type Tokens = AsyncGenerator<string, Ending>;

/** As an answer that nobody waits for any more ends. */
const cutOff: Ending = { reason: "stop", tokens: 0 };

async function whole(
  request: GenerationRequest,
  form: AnswerForm,
  head: object,
  tokens: Tokens,
  isGone: () => boolean,
): Promise<HttpAnswer> {
  let text = "";
  for (;;) {
    const { done, value } = await (isGone() ? tokens.return(cutOff) : tokens.next());
    if (done === true)
      return jsonAnswer({
        ...head,
        object: form.object,
        choices: [{ index: 0, ...form.choice(text), logprobs: null, finish_reason: value.reason }],
        usage: usage(request, value.tokens),
      });
    text += value;
  }
}

const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
};

/** Server-sent events, a chunk each, the last one "[DONE]". */
async function* stream(
  request: GenerationRequest,
  form: AnswerForm,
  head: object,
  tokens: Tokens,
): AsyncGenerator<string> {
  const chunk = (choice: object, finish: Ending["reason"] | null = null) =>
    event({
      ...head,
      object: form.chunkObject,
      choices: [{ index: 0, ...choice, logprobs: null, finish_reason: finish }],
    });
  try {
    if (form.opening !== undefined) yield chunk(form.opening);
    for (;;) {
      const { done, value } = await tokens.next();
      if (done !== true) {
        yield chunk(form.delta(value));
        continue;
      }
      yield chunk(form.delta(undefined), value.reason);
      if (request.tellsUsage)
        yield event({ ...head, object: form.chunkObject, choices: [], usage: usage(request, value.tokens) });
      break;
    }
    yield "data: [DONE]\n\n";
  } finally {
    // The client may have gone in the middle.
    await tokens.return(cutOff);
  }
}

function event(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function usage({ promptTokens }: GenerationRequest, made: number) {
  return { prompt_tokens: promptTokens, completion_tokens: made, total_tokens: promptTokens + made };
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Waits so that the calls together keep the pace, however late single timers are. */
function createPace(milliseconds: number): () => Promise<void> {
  const begin = performance.now();
  let calls = 0;
  return () => {
    const wait = begin + ++calls * milliseconds - performance.now();
    return wait <= 1 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, wait));
  };
}
