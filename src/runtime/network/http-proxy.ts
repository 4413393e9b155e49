import type { Socket } from "node:net";
import type { Destination } from "../contracts.ts";
import {
  type BodyReader,
  createBodyReader,
  type Head,
  headerOf,
  readHead,
  requestBody,
} from "./http1-framing.ts";
import { handBack, ignore, type Outbound } from "./outbound.ts";
import { createResponseWatch, type ResponseWatch } from "./response-watch.ts";
import { joinSockets } from "./sockets.ts";

/**
 * Serves one connection of an app that uses the dispatcher as its HTTP proxy. Requests in absolute form are sent
 * on in origin form, one after the other, each to where its own URL says; CONNECT turns the connection into a tunnel.
 *
 * The Host header stays as the app wrote it, although RFC 9112 3.2.2 tells proxies to replace it: this proxy stands
 * in for redirection by the kernel, which the app would not notice either.
 *
 * A name that can't be resolved gives 502 with the reason in the body. curl then shows the reason but exits with 0
 * (or 22 with -f), not with 6 as without a proxy: there is no answer of a proxy that makes it do so.
 */
export function serveHttpProxy(client: Socket, first: Buffer, outbound: Outbound): void {
  let bytes = first;
  let body: BodyReader | undefined;
  let upstream: Upstream | undefined;
  let isBusy = false;

  const fail = (status: number, reason: string) => {
    client.off("data", onData);
    client.end(failure(status, reason));
    client.resume(); // What is still coming is dropped.
    upstream?.leave();
  };

  const onData = (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    advance();
  };

  const advance = () => {
    try {
      while (!isBusy && bytes.length > 0) {
        if (body === undefined) {
          // Empty lines between requests are allowed.
          while (bytes[0] === 13 || bytes[0] === 10) bytes = bytes.subarray(1);
          const head = readHead(bytes);
          if (head === undefined) break;
          bytes = bytes.subarray(head.size);
          isBusy = true;
          client.pause();
          void start(head);
          return;
        }
        const taken = body.take(bytes, 0);
        if (upstream?.send(bytes.subarray(0, taken)) === false) client.pause();
        bytes = bytes.subarray(taken);
        if (body.isDone) body = undefined;
      }
    } catch (reason) {
      fail(400, (reason as Error).message);
      return;
    }
    if (!isBusy && upstream?.isFull !== true) client.resume();
  };

  const start = async (head: Head) => {
    try {
      const request = readRequest(head);
      const [address] = await outbound.lookup(request.host).catch(() => []);
      if (client.destroyed) return;
      if (address === undefined) return fail(502, `could not resolve host: ${request.host}`);
      const to = { address, port: request.port };
      if (request.method === "CONNECT") return tunnel(to, request.host);
      const form = requestBody(head);
      if (upstream === undefined || !upstream.isFor(to)) {
        await upstream?.idle();
        upstream?.leave();
        if (client.destroyed) return;
        upstream = createUpstream(client, outbound, to, request.host, {
          onFailure: fail,
          onGone: (gone) => {
            if (upstream === gone) upstream = undefined;
          },
          onDrain: () => !isBusy && client.resume(),
          onTunnel: (socket) => {
            client.off("data", onData);
            if (bytes.length > 0) socket.write(bytes);
            joinSockets(client, socket);
          },
        });
      }
      upstream.request(rewritten(head, request), request.method);
      body = createBodyReader(form);
      if (body.isDone) body = undefined;
      isBusy = false;
      advance();
    } catch (reason) {
      fail(400, (reason as Error).message);
    }
  };

  const tunnel = async (to: Destination, host: string) => {
    await upstream?.idle();
    upstream?.leave();
    upstream = undefined;
    client.off("data", onData);
    client.off("end", onEnd);
    client.off("close", onClose);
    const established = "HTTP/1.1 200 Connection established\r\n\r\n";
    if (outbound.isIntercepted(to)) {
      client.write(established);
      handBack(client, bytes);
      if (!outbound.handOver(client, to)) client.destroy();
      return;
    }
    const socket = outbound.open(to);
    const onError = (error: NodeJS.ErrnoException) => {
      const { status, text } = explain(error, to, host);
      client.end(failure(status, text));
    };
    const abandon = () => socket.destroy();
    client.once("close", abandon);
    socket.once("error", onError);
    socket.once("connect", () => {
      socket.off("error", onError);
      client.off("close", abandon);
      client.write(established);
      handBack(client, bytes);
      joinSockets(client, socket);
    });
  };

  const onEnd = () => upstream?.end();
  const onClose = () => upstream?.leave();
  client.on("data", onData);
  client.on("end", onEnd);
  client.on("close", onClose);
  client.allowHalfOpen = true;
  advance();
}

/** The connection that the requests to one destination go over, and what is outstanding on it. */
interface Upstream {
  isFor(to: Destination): boolean;
  request(head: Buffer, method: string): void;
  /** False when the reader is too slow. */
  send(chunk: Buffer): boolean;
  readonly isFull: boolean;
  /** Resolves when every request was answered, or the connection is gone. */
  idle(): Promise<void>;
  end(): void;
  /** Closes it and forgets what comes. */
  leave(): void;
}

interface UpstreamEvents {
  onFailure(status: number, reason: string): void;
  onGone(upstream: Upstream): void;
  onDrain(): void;
  /** The protocol was switched: from now on the bytes are none of ours. */
  onTunnel(socket: Socket): void;
}

function createUpstream(
  client: Socket,
  outbound: Outbound,
  to: Destination,
  host: string,
  events: UpstreamEvents,
): Upstream {
  const socket = outbound.open(to);
  const responses: ResponseWatch = createResponseWatch();
  const waiting: (() => void)[] = [];
  let isLeft = false;
  const wake = () => {
    if (isLeft || responses.isIdle) for (const resolve of waiting.splice(0)) resolve();
  };
  const detach = () => {
    isLeft = true;
    socket.removeAllListeners("data");
    client.off("drain", onClientDrain);
    events.onGone(upstream);
    wake();
  };
  const onClientDrain = () => socket.resume();

  socket.on("data", (chunk) => {
    const { tunnelFrom } = responses.take(chunk);
    if (tunnelFrom !== undefined) {
      client.write(chunk);
      detach();
      return events.onTunnel(socket);
    }
    if (!client.write(chunk)) socket.pause();
    if (responses.isIdle) wake();
  });
  client.on("drain", onClientDrain);
  socket.on("drain", () => events.onDrain());
  socket.on("end", () => {
    // An idle connection may go; one in the middle of an answer takes the client's with it.
    if (!isLeft && (!responses.isIdle || responses.closes)) client.end();
    if (!isLeft) detach();
    socket.end();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (isLeft) return;
    const isUntouched = !responses.hasBegun;
    detach();
    if (!isUntouched) return void client.resetAndDestroy();
    const { status, text } = explain(error, to, host);
    events.onFailure(status, text);
  });
  socket.on("close", () => {
    if (!isLeft) detach();
  });

  const upstream: Upstream = {
    isFor: ({ address, port }) => !isLeft && !responses.closes && to.address === address && to.port === port,
    request(head, method) {
      responses.expect(method);
      socket.write(head);
    },
    send: (chunk) => isLeft || socket.write(chunk),
    get isFull() {
      return !isLeft && socket.writableNeedDrain;
    },
    idle: () =>
      isLeft || responses.isIdle ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
    end: () => void socket.end(),
    leave() {
      if (isLeft) return;
      detach();
      socket.on("error", ignore);
      socket.destroy();
    },
  };
  return upstream;
}

interface ProxyRequest {
  readonly method: string;
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly target: string;
  readonly authority: string;
}

/** Reads the request line of a request to a proxy. Throws RangeError with a reason for the user. */
function readRequest(head: Head): ProxyRequest {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP\/1\.[01]$/.exec(head.startLine);
  if (match === null) throw new RangeError("not an HTTP/1 request");
  const [, method = "", uri = ""] = match;
  if (method === "CONNECT") return { method, target: "", authority: uri, ...hostAndPort(uri, 443) };
  const url = /^http:\/\/([^/?#]+)([^#]*)/i.exec(uri);
  if (url === null) {
    throw new RangeError(
      "this port is the pod's HTTP and SOCKS5 proxy: the request needs a URL that begins with http://",
    );
  }
  const authority = (url[1] ?? "").replace(/^.*@/, "");
  const target = url[2] ?? "";
  return {
    method,
    authority,
    target: target.startsWith("/") ? target : `/${target}`,
    ...hostAndPort(authority, 80),
  };
}

function hostAndPort(authority: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]@\s]+))(?::(\d{1,5}))?$/.exec(authority);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65535)
    throw new RangeError(`"${authority}" is no host and port`);
  return { host, port };
}

/** The head as the app would have sent it without a proxy. */
function rewritten(head: Head, { method, target, authority }: ProxyRequest): Buffer {
  const version = head.startLine.slice(-8);
  let text = `${method} ${target} ${version}\r\n`;
  if (headerOf(head, "host") === undefined) text += `Host: ${authority}\r\n`;
  for (const [name, value] of head.headers) {
    if (/^proxy-(connection|authorization)$/i.test(name)) continue;
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** What curl would have said to the failure, and the status that fits. */
function explain(
  error: NodeJS.ErrnoException,
  { address, port }: Destination,
  host: string,
): { status: number; text: string } {
  const where = host === address ? `${host} port ${port}` : `${host} port ${port} (${address})`;
  switch (error.code) {
    case "ECONNREFUSED":
      return { status: 502, text: `failed to connect to ${where}: connection refused` };
    case "ETIMEDOUT":
      return { status: 504, text: `failed to connect to ${where}: connection timed out` };
    case "ECONNRESET":
    case "EPIPE":
      return { status: 502, text: `${where} reset the connection` };
    default:
      return { status: 502, text: `failed to connect to ${where}: ${error.code ?? error.message}` };
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  502: "Bad Gateway",
  504: "Gateway Timeout",
};

function failure(status: number, reason: string): string {
  const body = `${reason}\n`;
  return [
    `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-isthmus-error: ${reason.replace(/[^\x20-\x7e]/g, "?")}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
