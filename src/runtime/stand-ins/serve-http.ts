import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { drained } from "../../base/index.ts";
import type { ContainerContext, RunningContainer } from "../contracts.ts";
import { type AcceptUpgrade, serveRequests } from "./serve-requests.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent whole, or part by part as the parts come. */
  readonly body: string | AsyncIterable<string>;
}

/** The body of a request as text. Rejects when it is larger than an app of this kind reads. */
export type ReadBody = () => Promise<string>;

const mostRequestBody = 1024 * 1024;

export interface ServeOptions {
  /** Takes connections over that ask for an upgrade at `path`; at others they are refused. */
  readonly upgrade?: { readonly path: string; readonly accept: AcceptUpgrade };
}

/** Serves answers where the pod's `port` is led to; starts and stops as serveRequests does, and measures what it takes. */
export async function serveHttp(
  context: ContainerContext,
  port: number,
  answer: (request: IncomingMessage, readBody: ReadBody) => HttpAnswer | Promise<HttpAnswer>,
  { upgrade }: ServeOptions = {},
): Promise<RunningContainer> {
  // Milliseconds. Nothing else runs in this thread meanwhile, so what passes by the clock is processor time.
  let busy = 0;
  const measured = <T>(work: () => T): T => {
    const start = performance.now();
    try {
      return work();
    } finally {
      busy += performance.now() - start;
    }
  };
  const send = async (request: IncomingMessage, response: ServerResponse) => {
    const { status, headers = {}, body } = await measured(() => answer(request, () => readBody(request)));
    request.resume();
    const fields = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
    );
    if (typeof body === "string") {
      measured(() => {
        response.writeHead(status, { ...fields, "content-length": Buffer.byteLength(body) });
        response.end(request.method === "HEAD" ? undefined : body);
      });
      return;
    }
    response.writeHead(status, fields);
    for await (const part of body) {
      if (response.destroyed) return;
      if (!response.write(part)) await drained(response);
    }
    response.end();
  };
  const accept: AcceptUpgrade | undefined =
    upgrade &&
    ((request, socket, head) => {
      if (request.url?.split("?", 1)[0] === upgrade.path) return upgrade.accept(request, socket, head);
      socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
  const running = await serveRequests(
    context,
    new Map([[port, send]]),
    accept === undefined ? {} : { accept },
  );
  return { ...running, use: { cpuTime: () => busy } };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > mostRequestBody) request.destroy(new Error(`a request of more than ${mostRequestBody} bytes`));
  });
  return text(request);
}

/** Keeps a processor busy for about as long as a small web application does for one answer. */
export function burnCpu(rounds: number): number {
  let sum = 0;
  for (let i = 1; i <= rounds; i++) sum += Math.sqrt(i);
  return sum;
}
