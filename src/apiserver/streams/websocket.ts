import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** Largest message taken from a client; kubectl's are 32 KiB at most. */
const largestMessage = 4 * 1024 * 1024;

/**
 * Completes the WebSocket handshake with one of the protocols. Undefined when the handshake failed: the client
 * has its answer and the connection is closed. The library is loaded when first needed.
 */
export async function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket | undefined> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: largestMessage,
    clientTracking: false,
  });
  // The library takes only tokens as names of protocols, and "SPDY/3.1+portforward.k8s.io" has a slash. So it
  // does not see the header, and the answer's is added here.
  const { "sec-websocket-protocol": _, ...headers } = request.headers;
  const asked: IncomingMessage = Object.create(request, { headers: { value: headers } });
  server.on("headers", (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => {
    const fail = () => resolve(undefined);
    server.once("wsClientError", (_, broken) => {
      broken.destroy();
      fail();
    });
    socket.once("close", fail);
    server.handleUpgrade(asked, socket, head, (webSocket) => {
      socket.off("close", fail);
      resolve(webSocket);
    });
  });
}
