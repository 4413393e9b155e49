import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Stop, startAll } from "../../base/index.ts";
import type { PodNetwork } from "../contracts.ts";
import type { AgentConfig } from "./agent-config.ts";
import { appMetrics, probeApp } from "./app-requests.ts";
import type { AgentProxy } from "./contracts.ts";

export interface StatusOptions {
  readonly config: AgentConfig;
  readonly network: PodNetwork;
  readonly proxy: AgentProxy;
  isReady(): boolean;
  /** Someone asked the proxy to end (/quitquitquit). */
  quit(): void;
}

/** Ports on which Kubernetes asks for readiness and Prometheus for metrics. */
const readyPort = 15021;
const metricsPort = 15090;

/**
 * Serves what a proxy container serves beside traffic: readiness (15021 and the status port), metrics (15090, merged
 * with the app's on the status port), the app's own probes (status port), and the proxy's admin interface. In Istio
 * the admin interface listens on the pod's localhost; here it is on the pod's address and other pods are cut off.
 */
export async function serveStatusPorts(options: StatusOptions): Promise<Stop> {
  const { config, network } = options;
  const ports = new WeakMap<Socket, number>();
  const server = createServer((request, response) => {
    answer(options, ports.get(request.socket) ?? 0, request, response).catch(() => response.destroy());
  });
  server.timeout = 30_000; // Of silence.
  const sockets = new Set<Socket>();
  const listen = (port: number) => () =>
    network.listen(port, (socket) => {
      if (port === config.adminPort && !isOfThisPod(socket, network)) return void socket.destroy();
      ports.set(socket, port);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      server.emit("connection", socket);
    });
  const stop = await startAll([readyPort, config.statusPort, metricsPort, config.adminPort].map(listen));
  return async () => {
    await stop();
    for (const socket of sockets) socket.destroy();
  };
}

/** The pod itself, or a person at this machine. */
function isOfThisPod({ remoteAddress = "" }: Socket, { address }: PodNetwork): boolean {
  return remoteAddress === address || remoteAddress.startsWith("127.0.0.");
}

async function answer(
  options: StatusOptions,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { config, network, proxy } = options;
  const url = new URL(request.url ?? "/", "http://pod");
  const send = (status: number, body = "", contentType = "text/plain; charset=UTF-8") => {
    response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
  };
  const metrics = () => proxy.admin("/stats/prometheus", url.searchParams, "GET");
  request.resume();
  if (port === config.adminPort) {
    if (url.pathname === "/quitquitquit" && request.method === "POST") {
      send(200, "OK\n");
      return options.quit();
    }
    const { status, contentType, body } = await proxy.admin(
      url.pathname,
      url.searchParams,
      request.method ?? "GET",
    );
    return send(status, body, contentType);
  }
  if (url.pathname === "/healthz/ready" && port !== metricsPort) {
    return options.isReady()
      ? send(200)
      : send(503, "the proxy has no configuration or no certificate yet\n");
  }
  if (url.pathname === "/stats/prometheus" && port !== readyPort) {
    const { status, contentType, body } = await metrics();
    if (port === metricsPort || config.appMetrics === undefined) return send(status, body, contentType);
    const own = await appMetrics(network, config.appMetrics);
    return send(status, body.endsWith("\n") || body === "" ? body + own : `${body}\n${own}`, contentType);
  }
  if (port === config.statusPort) {
    const probe = config.appProbes.get(url.pathname);
    if (probe !== undefined) return send(await probeApp(network, probe));
    if (url.pathname === "/quitquitquit" && request.method === "POST") {
      send(200, "OK\n");
      return options.quit();
    }
  }
  send(404, "not found\n");
}
