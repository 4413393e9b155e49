import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { IsthmusError, type Logger } from "../base/index.ts";

/** Answers one call; what it returns is sent as JSON. */
export type ControlHandler = (body: unknown, signal: AbortSignal) => Promise<unknown>;

/** The way by which commands of the same user reach a running engine. */
export interface ControlServer {
  readonly port: number;
  readonly token: string;
  stop(): Promise<void>;
}

const maxBodyBytes = 1024 * 1024;

/**
 * Serves `handlers` as POST /NAME on a loopback port. Every call must carry the token; a wrong or missing one is
 * 401. Failures are answered as {code, message, nextStep} with the error's HTTP status.
 */
export async function startControlServer(
  handlers: Readonly<Record<string, ControlHandler>>,
  log: Logger,
): Promise<ControlServer> {
  const token = randomBytes(24).toString("base64url");
  const server = createServer((request, response) => {
    answer(request, response, handlers, token).catch((reason: unknown) => {
      const { code, message, nextStep } = IsthmusError.from(reason);
      if (code === "internal")
        log.error({ reason: reason instanceof Error ? reason.stack : String(reason) }, "control call failed");
      send(response, reason instanceof HttpFailure ? reason.status : 500, { code, message, nextStep });
    });
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    token,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class HttpFailure extends IsthmusError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(status === 401 ? "cluster/forbidden" : "arguments/wrong", message);
    this.status = status;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: Readonly<Record<string, ControlHandler>>,
  token: string,
): Promise<void> {
  if (!sameToken(request.headers.authorization ?? "", `Bearer ${token}`))
    throw new HttpFailure(401, "wrong token");
  const name = (request.url ?? "/").slice(1);
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  if (handler === undefined || request.method !== "POST")
    throw new HttpFailure(404, `the engine has no call ${name}`);
  const body = await readBody(request);
  const abort = new AbortController();
  response.on("close", () => abort.abort());
  send(response, 200, (await handler(body, abort.signal)) ?? {});
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new HttpFailure(413, `a call may be ${maxBodyBytes} bytes at most`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new HttpFailure(400, "the call is not JSON");
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function sameToken(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
