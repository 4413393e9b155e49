import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { drained } from "../../base/index.ts";
import { type SpdySession, type SpdyStream, serveSpdy } from "./spdy/session.ts";
import { acceptSpdy, offered, refuseUpgrade, upgradeKind } from "./upgrade.ts";

export interface PortForwardHandler {
  /** Opens a connection to a port of the pod, open when the promise resolves. */
  connect(port: number): Promise<Socket>;
}

const protocol = "portforward.k8s.io";
/** SPDY in the binary messages of a WebSocket, which newer clients prefer. */
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
/** How long one stream of a pair may wait for the other, in milliseconds; as long as a kubelet gives. */
const patience = 30_000;

/**
 * Serves a port-forward request that asks for an upgrade: SPDY/3.1, plain or tunnelled in a WebSocket. Every
 * forwarded connection is a pair of streams, data and error, with the same requestID. Resolves when the session
 * is over. Rights and the pod must have been checked before.
 */
export async function handlePortForward(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  handler: PortForwardHandler,
): Promise<void> {
  switch (upgradeKind(request)) {
    case "websocket": {
      if (!offered(request, "sec-websocket-protocol").includes(tunnelProtocol)) return refuseProtocol(socket);
      const [{ acceptWebSocket }, { createWebSocketStream }] = await Promise.all([
        import("./websocket.ts"),
        import("ws"),
      ]);
      const webSocket = await acceptWebSocket(request, socket, head, tunnelProtocol);
      if (webSocket === undefined) return;
      return forwardPorts(createWebSocketStream(webSocket), handler);
    }
    case "spdy":
      if (!offered(request, "x-stream-protocol-version").includes(protocol)) return refuseProtocol(socket);
      if (head.length > 0) socket.unshift(head);
      acceptSpdy(socket, protocol);
      return forwardPorts(socket, handler);
    default:
      return refuseUpgrade(socket, 400, "BadRequest", "Upgrade request required");
  }
}

function refuseProtocol(socket: Duplex): void {
  refuseUpgrade(socket, 403, "Forbidden", "unable to upgrade: unable to negotiate protocol");
}

interface Pair {
  readonly timer: NodeJS.Timeout;
  data?: SpdyStream;
  error?: SpdyStream;
}

async function forwardPorts(connection: Duplex, handler: PortForwardHandler): Promise<void> {
  const pairs = new Map<string, Pair>();
  const session: SpdySession = serveSpdy(connection, (stream) => {
    const type = stream.headers.get("streamtype");
    const port = Number(stream.headers.get("port"));
    if ((type !== "data" && type !== "error") || !Number.isInteger(port) || port < 1 || port > 65_535)
      return stream.reset();
    const id = stream.headers.get("requestid") ?? `port ${port}`;
    const pair: Pair = pairs.get(id) ?? { timer: setTimeout(() => giveUp(id), patience) };
    if (pair[type] !== undefined) return stream.reset();
    pair[type] = stream;
    pairs.set(id, pair);
    if (pair.data === undefined || pair.error === undefined) return;
    clearTimeout(pair.timer);
    pairs.delete(id);
    void forward(pair.data, pair.error, port, handler);
  });
  const giveUp = (id: string) => {
    pairs.get(id)?.data?.reset();
    pairs.get(id)?.error?.reset();
    pairs.delete(id);
  };
  await session.closed;
  for (const { timer } of pairs.values()) clearTimeout(timer);
}

/** Carries one connection between its data stream and the pod. What fails is said on the error stream. */
async function forward(
  data: SpdyStream,
  error: SpdyStream,
  port: number,
  handler: PortForwardHandler,
): Promise<void> {
  let socket: Socket;
  try {
    socket = await handler.connect(port);
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    void error.write(Buffer.from(`an error occurred forwarding ${port}: ${message}`));
    error.end();
    data.end();
    return;
  }
  const abandon = () => socket.destroy();
  data.signal.addEventListener("abort", abandon, { once: true });
  if (data.signal.aborted) abandon();
  let failure: Error | undefined;
  socket.on("error", (reason) => {
    failure = reason;
  });
  const sending = toPod(data, socket);
  await fromPod(socket, data);
  // Said as soon as nothing more comes from the pod: a client may wait for it before it closes its own half.
  if (failure !== undefined && !data.signal.aborted)
    void error.write(Buffer.from(`an error occurred forwarding ${port}: ${failure.message}`));
  data.end();
  error.end();
  await sending;
  data.signal.removeEventListener("abort", abandon);
  socket.destroy();
}

async function toPod(data: SpdyStream, socket: Socket): Promise<void> {
  for await (const chunk of data.incoming) {
    if (socket.destroyed || socket.writableEnded) return;
    if (!socket.write(chunk)) await drained(socket);
  }
  socket.end();
}

async function fromPod(socket: Socket, data: SpdyStream): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
      await data.write(chunk);
  } catch {
    // The socket's own error says why.
  }
}
