import { setMaxListeners } from "node:events";
import type { IncomingMessage } from "node:http";
import type { ContainerContext } from "../../contracts.ts";
import { openAsApp, readAnswer, requestAsApp } from "../request-as-app.ts";

/** One server with OpenAI's API. */
interface ModelServer {
  /** Without a slash at its end: "http://sglang.demo/v1". */
  readonly url: string;
  readonly key: string;
}

export interface OfferedModel {
  readonly id: string;
  /** URL of the server that offers it. */
  readonly server: string;
}

/** A model server that does not do what it is asked, in a sentence for the user. */
export class ServerFailure extends Error {
  /** For whoever asked over HTTP. */
  readonly status: number;

  constructor(message: string, status = 502) {
    super(message);
    this.status = status;
  }
}

/** The servers that OPENAI_API_BASE_URL or OPENAI_API_BASE_URLS names, as one. */
export interface ModelServers {
  /** What is offered now, and what keeps servers from answering. */
  list(): Promise<{ readonly models: readonly OfferedModel[]; readonly failures: readonly string[] }>;
  /**
   * Passes a request of /chat/completions to the server that offers its model, and resolves with that server's answer,
   * status 200. Rejects with ServerFailure. Everything ends when `signal` aborts or the time for an answer is over.
   */
  chat(request: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<ChatAnswer>;
}

export interface ChatAnswer {
  readonly contentType: string;
  /** Rejects with ServerFailure when it is cut off. */
  readonly body: AsyncIterable<string>;
}

/** Names and defaults as Open WebUI has them, in seconds; an empty value is no limit. */
const answerLimit = { name: "AIOHTTP_CLIENT_TIMEOUT", otherwise: 300 };
const listLimit = { name: "AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST", otherwise: 10 };
const longestTimer = 2 ** 31 - 1;

/** Reads the servers and limits from the container's environment. Asks nobody yet. */
export function createModelServers({ env, network }: ContainerContext): ModelServers {
  const servers = readServers(env);
  const answerTime = milliseconds(env, answerLimit);
  const listTime = milliseconds(env, listLimit);
  const offered = new Map<string, ModelServer>();

  const listOf = async (server: ModelServer): Promise<readonly OfferedModel[]> => {
    const url = new URL(`${server.url}/models`);
    const answer = await requestAsApp(network, url, {
      headers: authorization(server),
      timeout: listTime,
    }).catch((reason: unknown) => {
      throw unreachable(server, reason, listTime);
    });
    if (answer.status !== 200) throw refused(server, answer.status, answer.body);
    return modelIds(server, answer.body).map((id) => ({ id, server: server.url }));
  };
  const list = async () => {
    const settled = await Promise.allSettled(servers.map(listOf));
    const models: OfferedModel[] = [];
    const failures: string[] = [];
    offered.clear();
    for (const [i, server] of servers.entries()) {
      const one = settled[i];
      if (one?.status === "rejected") failures.push(messageOf(one.reason));
      if (one?.status !== "fulfilled") continue;
      for (const model of one.value) {
        if (offered.has(model.id)) continue;
        offered.set(model.id, server);
        models.push(model);
      }
    }
    if (servers.length === 0) failures.push("No model server is configured: set OPENAI_API_BASE_URL.");
    return { models, failures };
  };
  return {
    list,
    async chat(request, signal) {
      const model = String(request["model"] ?? "");
      if (!offered.has(model)) {
        const { failures } = await list();
        if (!offered.has(model))
          throw failures.length > 0
            ? new ServerFailure(failures.join("; "))
            : new ServerFailure(`Model ${model === "" ? "" : `${model} `}not found`, 404);
      }
      const server = offered.get(model) as ModelServer;
      const limit = AbortSignal.timeout(answerTime);
      const until = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      setMaxListeners(0, until);
      const failure = (reason: unknown) =>
        unreachable(server, limit.aborted ? limit.reason : reason, answerTime);
      const answer = await openAsApp(network, new URL(`${server.url}/chat/completions`), {
        method: "POST",
        headers: { ...authorization(server), "content-type": "application/json" },
        body: JSON.stringify(request),
        signal: until,
      }).catch((reason: unknown) => {
        throw failure(reason);
      });
      if (answer.statusCode !== 200) {
        const body = await readAnswer(answer).catch(() => "");
        throw refused(server, answer.statusCode ?? 0, body);
      }
      return {
        contentType: answer.headers["content-type"] ?? "application/json",
        body: textOf(answer, failure),
      };
    },
  };
}

async function* textOf(answer: IncomingMessage, failure: (reason: unknown) => Error): AsyncGenerator<string> {
  answer.setEncoding("utf8");
  try {
    for await (const part of answer) yield String(part);
  } catch (reason) {
    throw failure(reason);
  } finally {
    answer.destroy();
  }
}

function readServers(env: Readonly<Record<string, string>>): readonly ModelServer[] {
  if (/^false$/i.test(env["ENABLE_OPENAI_API"] ?? "")) return [];
  const split = (text: string | undefined) => (text ?? "").split(";").map((part) => part.trim());
  const keys = split(env["OPENAI_API_KEYS"] ?? env["OPENAI_API_KEY"]);
  return split(env["OPENAI_API_BASE_URLS"] || env["OPENAI_API_BASE_URL"])
    .map((url, i) => ({ url: url.replace(/\/+$/, ""), key: keys[i] ?? keys[0] ?? "" }))
    .filter(({ url }) => URL.canParse(url));
}

function authorization({ key }: ModelServer): Readonly<Record<string, string>> {
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

function milliseconds(
  env: Readonly<Record<string, string>>,
  { name, otherwise }: { readonly name: string; readonly otherwise: number },
): number {
  const text = env[name] ?? String(otherwise);
  if (text.trim() === "") return longestTimer;
  const seconds = Number(text);
  return Math.min(longestTimer, (seconds > 0 ? seconds : otherwise) * 1000);
}

/** The ids of OpenAI's list of models. */
function modelIds({ url }: ModelServer, body: string): readonly string[] {
  try {
    const { data } = JSON.parse(body) as { readonly data?: readonly { readonly id?: unknown }[] };
    if (Array.isArray(data)) return data.map(({ id }) => String(id));
  } catch {
    // Said below.
  }
  throw new ServerFailure(`${url}/models is no list of models`);
}

function unreachable({ url }: ModelServer, reason: unknown, limit: number): ServerFailure {
  if (reason instanceof ServerFailure) return reason;
  const isLate = reason instanceof Error && /^(TimeoutError|AbortError)$/.test(reason.name);
  return isLate
    ? new ServerFailure(`${url} gave no whole answer within ${Math.round(limit / 1000)} s`, 504)
    : new ServerFailure(`${url} can't be reached: ${messageOf(reason)}`);
}

/** What a server's error says: OpenAI's and FastAPI's forms, or the text as it is. */
function refused({ url }: ModelServer, status: number, body: string): ServerFailure {
  let text = body.trim();
  try {
    const { error, detail } = JSON.parse(body) as {
      readonly error?: { readonly message?: string } | string;
      readonly detail?: string;
    };
    text = (typeof error === "string" ? error : error?.message) ?? detail ?? text;
  } catch {
    // Not JSON: a proxy's own answer.
  }
  const hint = status === 404 && !/\/v\d+$/.test(url) ? " (OpenAI's API is mostly below /v1)" : "";
  return new ServerFailure(
    `${url} answered ${status}${text === "" ? "" : `: ${text.slice(0, 300)}`}${hint}`,
    status,
  );
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
