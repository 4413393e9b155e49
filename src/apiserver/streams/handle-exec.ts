import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ExecHandler, execOptions } from "./exec-session.ts";
import { acceptSpdy, offered, queryOf, refuseUpgrade, upgradeKind } from "./upgrade.ts";

/**
 * Serves an exec or attach request that asks for an upgrade: WebSocket (v5 and v4.channel.k8s.io) or SPDY/3.1
 * (v4.channel.k8s.io). `request.url` says which streams the client wants. Whatever happens to the connection
 * or in the handler is dealt with here; resolves when the session is over. Rights and the pod must have been
 * checked before: after the upgrade a refusal cannot be answered as HTTP.
 */
export async function handleExec(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  handler: ExecHandler,
): Promise<void> {
  const options = execOptions(queryOf(request));
  if (!options.stdin && !options.stdout && !options.stderr)
    return refuseUpgrade(socket, 400, "BadRequest", "you must specify at least 1 of stdin, stdout, stderr");
  switch (upgradeKind(request)) {
    case "websocket": {
      const { execOverWebSocket, execProtocols } = await import("./websocket-exec.ts");
      const protocol = offered(request, "sec-websocket-protocol").find((name) =>
        execProtocols.includes(name),
      );
      if (protocol === undefined) return refuseProtocol(socket);
      const { acceptWebSocket } = await import("./websocket.ts");
      const webSocket = await acceptWebSocket(request, socket, head, protocol);
      return webSocket === undefined ? undefined : execOverWebSocket(webSocket, options, handler);
    }
    case "spdy": {
      const { execOverSpdy, spdyExecProtocols } = await import("./spdy-exec.ts");
      const protocol = offered(request, "x-stream-protocol-version").find((name) =>
        spdyExecProtocols.includes(name),
      );
      if (protocol === undefined) return refuseProtocol(socket);
      if (head.length > 0) socket.unshift(head);
      acceptSpdy(socket, protocol);
      return execOverSpdy(socket, options, handler);
    }
    default:
      return refuseUpgrade(socket, 400, "BadRequest", "Upgrade request required");
  }
}

function refuseProtocol(socket: Duplex): void {
  refuseUpgrade(socket, 403, "Forbidden", "unable to upgrade: unable to negotiate protocol");
}
