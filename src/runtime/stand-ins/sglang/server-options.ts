/** What of sglang's command line the stand-in reads. */
export interface ServerOptions {
  /** --model-path (or --model): where the weights would come from. */
  readonly modelPath: string;
  /** --served-model-name: what clients call the model; the path when not given. */
  readonly servedName: string;
  readonly port: number;
  /** --api-key: what clients must send as a bearer token. Absent: nothing. */
  readonly apiKey?: string;
}

const defaultModel = "meta-llama/Llama-3.1-8B-Instruct";
const defaultPort = 30000;

/**
 * Reads the words of `python3 -m sglang.launch_server`, also of one that a shell is given as a single text. Without
 * --model-path the environment's MODEL_PATH, MODEL_NAME or MODEL_ID names the model.
 */
export function readServerOptions(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): ServerOptions {
  const options = readFlags(words.flatMap((word) => word.split(/\s+/)));
  const modelPath =
    options.get("model-path") ??
    options.get("model") ??
    env["MODEL_PATH"] ??
    env["MODEL_NAME"] ??
    env["MODEL_ID"] ??
    defaultModel;
  const port = Number(options.get("port") ?? defaultPort);
  const apiKey = options.get("api-key");
  return {
    modelPath,
    servedName: options.get("served-model-name") ?? modelPath,
    port: Number.isInteger(port) && port > 0 && port < 65536 ? port : defaultPort,
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKey }),
  };
}

/** "--name value" and "--name=value"; the last one counts. */
function readFlags(words: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  for (const [i, word] of words.entries()) {
    const [, name, value = words[i + 1]] = /^--([a-z-]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name !== undefined && value !== undefined && !value.startsWith("--")) flags.set(name, value);
  }
  return flags;
}
