import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Status } from "../../kube/index.ts";

/** Reads the query of an upgrade request. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "";
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

/** The protocols that the client offers in a header, best first, be they in one line or in several. */
export function offered(request: IncomingMessage, header: string): readonly string[] {
  const value = request.headers[header];
  const text = Array.isArray(value) ? value.join(",") : (value ?? "");
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** Whether the request asks for an upgrade to WebSocket or to SPDY/3.1. */
export function upgradeKind(request: IncomingMessage): "websocket" | "spdy" | undefined {
  const wanted = offered(request, "upgrade").map((name) => name.toLowerCase());
  if (wanted.includes("websocket")) return "websocket";
  return wanted.includes("spdy/3.1") ? "spdy" : undefined;
}

/** Refuses an upgrade with a Status and closes the connection. */
export function refuseUpgrade(socket: Duplex, code: number, reason: string, message: string): void {
  const status: Status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    code,
  };
  const body = JSON.stringify(status);
  const words: Readonly<Record<number, string>> = { 400: "Bad Request", 403: "Forbidden" };
  // A client that is gone already needs no answer.
  socket.on("error", () => {});
  socket.end(
    [
      `HTTP/1.1 ${code} ${words[code] ?? "Error"}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}

/** Answers a SPDY upgrade; from then on the connection speaks SPDY frames. */
export function acceptSpdy(socket: Duplex, protocol: string): void {
  socket.write(
    [
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
      `X-Stream-Protocol-Version: ${protocol}`,
      "",
      "",
    ].join("\r\n"),
  );
}
