import { ApiFailure } from "./api-failure.ts";

/** What a client asks of /v1/chat/completions or /v1/completions, checked. */
export interface GenerationRequest {
  /** The model that the client named; undefined when it named none. */
  readonly model: string | undefined;
  /** What the user said last. */
  readonly said: string;
  /** Tokens of everything that was said. */
  readonly promptTokens: number;
  /** Most tokens of the answer. */
  readonly mostTokens: number;
  /** Goes on until `mostTokens`: sglang's ignore_eos, as benchmarks use it for answers of a given length. */
  readonly isEndless: boolean;
  /** Texts that end the answer before they come. */
  readonly stops: readonly string[];
  readonly isStreamed: boolean;
  /** stream_options.include_usage: a last chunk tells what was used. */
  readonly tellsUsage: boolean;
}

const mostTokensByDefault = 4096;
const mostTokensAtAll = 131_072;

/** A request of /v1/chat/completions. Throws ApiFailure when it is wrong. */
export function readChatRequest(text: string): GenerationRequest {
  const body = readJson(text);
  const messages = body["messages"];
  if (!Array.isArray(messages) || messages.length === 0)
    throw new ApiFailure(400, "you must provide messages: a list with at least one", { param: "messages" });
  const texts = messages.map((message: unknown, i) => messageText(message, i));
  const lastOfUser = messages.findLastIndex(
    (message: { readonly role?: unknown }) => message.role === "user",
  );
  return readCommon(body, texts[lastOfUser] ?? texts.at(-1) ?? "", texts);
}

/** A request of /v1/completions. Throws ApiFailure when it is wrong. */
export function readCompletionRequest(text: string): GenerationRequest {
  const body = readJson(text);
  const prompt = body["prompt"];
  if (typeof prompt !== "string")
    throw new ApiFailure(400, "you must provide a prompt: one text", { param: "prompt" });
  return readCommon(body, prompt, [prompt]);
}

/** The words of a text, each with the white space before it: what stands in for tokens. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S+/g) ?? [];
}

type Body = Readonly<Record<string, unknown>>;

function readJson(text: string): Body {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Body;
  } catch {
    // Said below.
  }
  throw new ApiFailure(400, "We could not parse the JSON body of your request: a JSON object was expected.");
}

function readCommon(body: Body, said: string, texts: readonly string[]): GenerationRequest {
  const n = body["n"] ?? 1;
  if (n !== 1) throw new ApiFailure(400, "n must be 1: this server makes one answer", { param: "n" });
  const model = body["model"];
  if (model !== undefined && typeof model !== "string")
    throw new ApiFailure(400, "model must be a text", { param: "model" });
  const options = body["stream_options"] as Body | null | undefined;
  return {
    model,
    said,
    promptTokens: texts.reduce((sum, text) => sum + tokensOf(text).length, 0),
    mostTokens: readMostTokens(body),
    isEndless: body["ignore_eos"] === true,
    stops: readStops(body["stop"]),
    isStreamed: body["stream"] === true,
    tellsUsage: options?.["include_usage"] === true,
  };
}

/** max_completion_tokens, or its older name max_tokens. */
function readMostTokens(body: Body): number {
  const param = body["max_completion_tokens"] == null ? "max_tokens" : "max_completion_tokens";
  const value = body[param] ?? mostTokensByDefault;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1)
    throw new ApiFailure(400, `${param} must be a whole number of at least 1`, { param });
  return Math.min(value, mostTokensAtAll);
}

function readStops(value: unknown): readonly string[] {
  if (value == null) return [];
  const stops = typeof value === "string" ? [value] : value;
  if (!Array.isArray(stops) || !stops.every((stop) => typeof stop === "string"))
    throw new ApiFailure(400, "stop must be a text or a list of texts", { param: "stop" });
  return stops.filter((stop) => stop !== "");
}

/** The text of a message, also of one in parts; pictures and the like say nothing here. */
function messageText(message: unknown, i: number): string {
  const { role, content } = (typeof message === "object" && message !== null ? message : {}) as Body;
  if (typeof role !== "string")
    throw new ApiFailure(400, `messages[${i}] has no role`, { param: `messages[${i}].role` });
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: { readonly text?: unknown } | null) => (typeof part?.text === "string" ? part.text : ""))
    .filter((text) => text !== "")
    .join(" ");
}
