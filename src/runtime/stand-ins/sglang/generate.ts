import { type GenerationRequest, tokensOf } from "./generation-request.ts";

/** How an answer ended, and how many tokens were made for it. */
export interface Ending {
  readonly reason: "stop" | "length";
  readonly tokens: number;
}

interface Speaker {
  readonly model: string;
  readonly pod: string;
  readonly cluster: string;
}

/**
 * An answer, token by token as a model makes it: it says who answers and what was asked, and, when the request has it
 * go on, counts until the most tokens are made. What may be the beginning of a stop text is held back until that is known.
 */
export async function* generate(
  request: GenerationRequest,
  speaker: Speaker,
  /** Resolves when the next token is made. */
  pause: () => Promise<void>,
): AsyncGenerator<string, Ending> {
  const { stops, mostTokens } = request;
  let tokens = 0;
  let held = "";
  for (const token of answerTokens(request, speaker)) {
    if (tokens === mostTokens) {
      if (held !== "") yield held;
      return { reason: "length", tokens };
    }
    await pause();
    tokens++;
    const text = held + token;
    const cut = Math.min(...stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0));
    const free = cut === Infinity ? text.length - longestBeginning(text, stops) : cut;
    if (free > 0) yield text.slice(0, free);
    held = text.slice(free);
    if (cut !== Infinity) return { reason: "stop", tokens };
  }
  if (held !== "") yield held;
  return { reason: "stop", tokens };
}

/** How much of the end of `text` may be the beginning of one of `stops`. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) longest = length;
  return longest;
}

function* answerTokens(
  { said, isEndless }: GenerationRequest,
  { model, pod, cluster }: Speaker,
): Generator<string> {
  yield* tokensOf(`This is ${model}, answering from pod ${pod} in cluster ${cluster}.`);
  const quoted = said.trim();
  yield* tokensOf(
    quoted === ""
      ? " You said nothing."
      : ` You said: “${quoted}” I am a stand-in without weights, so that is all I know about it.`,
  );
  for (let number = 1; isEndless; number++) yield ` ${number}`;
}
