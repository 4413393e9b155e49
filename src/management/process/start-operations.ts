import http from "node:http";
import type { Socket } from "node:net";
import type { Metrics, Stop } from "../../base/index.ts";
import type { Listen } from "./contracts.ts";

export interface OperationsOptions {
  readonly listen: Listen;
  /** Why the process can't do its work now. */
  notReady(): string | undefined;
  readonly metrics: Metrics;
}

/** Answers what a kubelet and Prometheus ask: /healthz, /readyz and /metrics. */
export async function startOperations({ listen, notReady, metrics }: OperationsOptions): Promise<Stop> {
  const sockets = new Set<Socket>();
  const server = http.createServer(
    { maxHeaderSize: 8 * 1024, requestTimeout: 10_000 },
    (request, response) => {
      const answer = (status: number, text: string, type = "text/plain; charset=utf-8") =>
        response
          .writeHead(status, { "content-type": type })
          .end(request.method === "HEAD" ? undefined : text);
      if (request.method !== "GET" && request.method !== "HEAD") return answer(405, "only GET\n");
      switch (request.url?.split("?")[0]) {
        case "/healthz":
          return answer(200, "ok\n");
        case "/readyz": {
          const why = notReady();
          return why === undefined ? answer(200, "ok\n") : answer(503, `${why}\n`);
        }
        case "/metrics":
          return answer(200, metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
        default:
          return answer(404, "here are /healthz, /readyz and /metrics\n");
      }
    },
  );
  const close = await listen("operations", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    server.emit("connection", socket);
  });
  return async () => {
    for (const socket of sockets) socket.destroy();
    await close();
  };
}
