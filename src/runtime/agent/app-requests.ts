import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import type { PodNetwork } from "../contracts.ts";
import type { AgentConfig, AppProbe } from "./agent-config.ts";

const mostMetricsBytes = 16 * 1024 * 1024;

/** Runs a probe against the pod's own app. The status to answer: the app's own, 200 for an open port, or 500. */
export async function probeApp(network: PodNetwork, probe: AppProbe): Promise<number> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.httpGet !== undefined) {
      const { port, path = "/", scheme = "HTTP", httpHeaders = [] } = probe.httpGet;
      const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
      const response = await ask(
        network,
        port,
        path.startsWith("/") ? path : `/${path}`,
        headers,
        timeout,
        scheme === "HTTPS",
      );
      response.resume();
      return response.statusCode ?? 500;
    }
    if (probe.tcpSocket !== undefined) {
      (
        await connected(network.dial({ address: "127.0.0.1", port: probe.tcpSocket.port }), timeout)
      ).destroy();
      return 200;
    }
    return 500;
  } catch {
    return 500;
  }
}

/** The app's own metrics; "" when it does not answer with any. */
export async function appMetrics(network: PodNetwork, where: AgentConfig["appMetrics"]): Promise<string> {
  if (where === undefined) return "";
  try {
    const response = await ask(network, where.port, where.path, {}, 3000, false);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response) {
      size += chunk.length;
      if (size > mostMetricsBytes || response.statusCode !== 200) return "";
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } catch {
    return "";
  }
}

async function ask(
  network: PodNetwork,
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  timeout: number,
  isTls: boolean,
): Promise<IncomingMessage> {
  const plain = await connected(network.dial({ address: "127.0.0.1", port }), timeout);
  const socket = isTls
    ? (await import("node:tls")).connect({ socket: plain, rejectUnauthorized: false })
    : plain;
  const host = headers["Host"] ?? `${network.address}:${port}`;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      path,
      headers: { ...headers, host, connection: "close" },
      timeout,
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    outgoing.end();
  });
}

function connected(socket: Socket, timeout: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeout, () => socket.destroy(new Error("no connection in time")));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
