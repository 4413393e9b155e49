import { type IncomingHttpHeaders, type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import type { PodNetwork } from "../contracts.ts";

/** Most that is read of an answer, in bytes. */
const mostBody = 1024 * 1024;

/** A request as an app makes it. */
export interface AppRequest {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer that has come to its end. */
export interface AppAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * A request as the pod's app makes it, read to its end: the name is resolved in the pod, and the sidecar takes the
 * connection when there is one. Rejects when there is no complete answer within `timeout` milliseconds.
 */
export async function requestAsApp(
  network: PodNetwork,
  url: URL,
  options: AppRequest & { readonly timeout: number },
): Promise<AppAnswer> {
  const answer = await openAsApp(network, url, { ...options, signal: AbortSignal.timeout(options.timeout) });
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await readAnswer(answer) };
}

/** As requestAsApp, but resolves with the head of the answer; its body comes as it comes, until `signal` aborts. */
export async function openAsApp(
  network: PodNetwork,
  url: URL,
  { signal, method = "GET", headers = {}, body }: AppRequest & { readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  const isTls = url.protocol === "https:";
  const connecting = network.connect(url.hostname, Number(url.port || (isTls ? 443 : 80)));
  const socket = await Promise.race([
    connecting,
    new Promise<never>((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
    ),
  ]).catch((reason: unknown) => {
    // A connection that comes too late is nobody's.
    connecting.then(
      (late) => late.destroy(),
      () => {},
    );
    throw reason;
  });
  return new Promise((resolve, reject) => {
    const outgoing = (isTls ? requestTls : requestPlain)(url, {
      method,
      createConnection: () => (isTls ? connectTls({ socket, servername: url.hostname }) : socket),
      headers: {
        host: url.host,
        ...headers,
        connection: "close",
        ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
      },
      signal,
    });
    outgoing.on("error", reject);
    outgoing.once("response", resolve);
    outgoing.end(body);
  });
}

/** The body of an answer. Rejects when it is cut off, or larger than an app of this kind reads. */
export function readAnswer(answer: IncomingMessage): Promise<string> {
  let size = 0;
  answer.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > mostBody) answer.destroy(new Error(`the answer is larger than ${mostBody} bytes`));
  });
  return text(answer);
}
