import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import {
  type Clock,
  createRetry,
  createSignal,
  drained,
  IsthmusError,
  type Logger,
  type Signal,
} from "../../base/index.ts";
import type { ApiRequest, ApiTransport } from "../../kube/index.ts";
import { asDuplex } from "./as-duplex.ts";
import {
  kubernetesHeader,
  pingEvery,
  pingTimeout,
  relayName,
  relayPath,
  relayUpgrade,
  versionHeader,
} from "./protocol.ts";

/** How a manager is called: made when the cluster was registered. */
export interface RelayCredential {
  /** HOST:PORT */
  readonly server: string;
  /** PEM of the CA that the manager's certificate is of. */
  readonly ca: string;
  readonly token: string;
}

export interface AgentOptions {
  /** Read anew for each call, so that a renewed credential is taken over. */
  credential(): Promise<RelayCredential>;
  /** Opens a connection as the agent's pod does. */
  dial(host: string, port: number): Promise<Socket>;
  /** The API of the agent's own cluster, as the agent's account: it limits what the manager can do. */
  readonly api: ApiTransport;
  readonly version: string;
  readonly kubernetesVersion: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A running agent. */
export interface Agent {
  readonly isConnected: boolean;
  readonly changes: Signal;
}

/** Most bytes of one request. */
const mostBytes = 16 * 1024 * 1024;
const connectTimeout = 10_000;

/**
 * Holds a connection to the manager until the signal aborts, and passes on what comes over it to the API of its own
 * cluster. Nothing in the cluster listens for the manager. While the manager is away it is called again and again.
 */
export function startAgent(options: AgentOptions): Agent {
  const { clock, log, signal } = options;
  const changes = createSignal();
  let isConnected = false;
  const run = async () => {
    const retry = createRetry(clock, { first: 100, most: 5_000 });
    let told = "";
    while (!signal.aborted) {
      try {
        const socket = await callManager(options);
        retry.reset();
        told = "";
        isConnected = true;
        log.info({}, "connected to the manager");
        changes.notify();
        await serve(socket, options);
      } catch (reason) {
        const text = reason instanceof Error ? reason.message : String(reason);
        if (text !== told) log.warn({ reason: text }, "the manager can't be reached, trying again");
        told = text;
      }
      if (isConnected) {
        isConnected = false;
        changes.notify();
      }
      await retry.wait(signal);
    }
  };
  run().catch((reason: unknown) => log.error({ reason: String(reason) }, "the agent has ended"));
  return {
    changes,
    get isConnected() {
      return isConnected;
    },
  };
}

/** The address and port of "HOST:PORT". Throws arguments/wrong when one of them is missing. */
export function parseRelayServer(server: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(server) ?? [];
  if (host === "" || Number(port) < 1 || Number(port) > 65_535)
    throw new IsthmusError("arguments/wrong", `"${server}" is no address of a manager`, {
      nextStep: "It is HOST:PORT; without a host the manager's Service has no address yet.",
    });
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

async function callManager(options: AgentOptions): Promise<TLSSocket> {
  const { server, ca, token } = await options.credential();
  const { host, port } = parseRelayServer(server);
  const plain = await options.dial(host, port);
  const socket = connectTls({ socket: plain, ca, servername: relayName, minVersion: "TLSv1.3" });
  const abort = () => socket.destroy(new Error("the agent ends"));
  const cancel = options.clock.after(connectTimeout, () => socket.destroy(new Error("no answer in time")));
  options.signal.addEventListener("abort", abort, { once: true });
  socket.once("close", () => options.signal.removeEventListener("abort", abort));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the manager closed the connection")));
    });
    const lines = [
      `GET ${relayPath} HTTP/1.1`,
      `host: ${relayName}`,
      `authorization: Bearer ${token}`,
      "connection: upgrade",
      `upgrade: ${relayUpgrade}`,
      `${versionHeader}: ${options.version}`,
      `${kubernetesHeader}: ${options.kubernetesVersion}`,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const status = await statusOfUpgrade(socket);
    if (status !== 101) throw new Error(refusals.get(status) ?? `the manager answered ${status}`);
    return socket;
  } catch (reason) {
    socket.destroy();
    throw reason;
  } finally {
    cancel();
  }
}

const refusals = new Map([
  [401, "the manager does not know this agent's token: was the cluster deregistered?"],
  [503, "this manager does not act at present"],
]);

/** Reads the answer to the upgrade, and not a byte more: what follows belongs to HTTP/2. */
async function statusOfUpgrade(socket: TLSSocket): Promise<number> {
  let text = "";
  for (;;) {
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
    if (text.length > 4096) return 0;
    const byte = socket.read(1) as Buffer | null;
    if (byte !== null) {
      text += byte.toString("latin1");
      continue;
    }
    if (socket.destroyed || socket.readableEnded) throw new Error("the manager closed the connection");
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of ["readable", "close", "end"]) socket.off(event, done);
        resolve();
      };
      for (const event of ["readable", "close", "end"]) socket.on(event, done);
    });
  }
}

/** Serves the manager's requests; resolves when the connection has ended. */
function serve(socket: TLSSocket, { api, clock, log, signal }: AgentOptions): Promise<void> {
  const session = http2.performServerHandshake(asDuplex(socket));
  // The manager pings; when it falls silent the connection is as good as gone.
  let cancel = () => {};
  const heard = () => {
    cancel();
    cancel = clock.after(pingEvery + pingTimeout, () => session.destroy());
  };
  heard();
  session.on("ping", heard);
  session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => {}); // Its request ends with it.
    const ended = new AbortController();
    stream.once("close", () => ended.abort());
    passOn(stream, headers, api, AbortSignal.any([ended.signal, signal])).catch((reason: unknown) => {
      if (ended.signal.aborted) return;
      log.debug({ reason: String(reason) }, "a request of the manager failed");
      if (!stream.headersSent) stream.respond({ ":status": 502 });
      stream.end();
    });
  });
  session.on("error", (reason) =>
    log.debug({ reason: String(reason) }, "the connection to the manager failed"),
  );
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      session.destroy();
      socket.destroy();
      resolve();
    };
    session.once("close", done);
    socket.once("close", done);
  });
}

async function passOn(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  api: ApiTransport,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(`http://api${headers[":path"] ?? "/"}`);
  const body = await bodyOf(stream);
  const request: ApiRequest = {
    method: headers[":method"] as ApiRequest["method"],
    path: url.pathname,
    query: url.searchParams,
    headers: { accept: headers.accept, "content-type": headers["content-type"] },
    ...(body === "" ? {} : { body: JSON.parse(body) }),
  };
  const response = await api.send(request, signal);
  stream.respond({ ":status": response.status, "content-type": "application/json" });
  if (response.events === undefined) {
    stream.end(JSON.stringify(response.body ?? null));
    return;
  }
  for await (const event of response.events) {
    if (stream.destroyed) return;
    if (!stream.write(`${JSON.stringify(event)}\n`)) await drained(stream);
  }
  stream.end();
}

async function bodyOf(stream: ServerHttp2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) throw new Error(`a request of more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
