import { Agent, type RequestOptions, request } from "node:https";
import type { KubeAccess } from "../../src/kube/index.ts";

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** A client with a number of kept connections that decodes nothing. */
export interface LoadClient {
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** Opens a watch on a connection of its own and hands out every event's line. The returned function ends it. */
  watch(path: string, onLine: (line: string) => void): Promise<() => void>;
  /** Sends `count` requests over all connections at once, and gives how many were answered in a second. */
  rate(count: number, send: (index: number) => Promise<Answer>): Promise<number>;
  close(): void;
}

export function createLoadClient(access: KubeAccess, connections: number): LoadClient {
  const server = new URL(access.server);
  const tls = { ca: access.ca, cert: access.clientCert, key: access.clientKey };
  const agent = new Agent({ ...tls, keepAlive: true, maxSockets: connections });
  const target: RequestOptions = { host: server.hostname, port: server.port };
  const send: LoadClient["send"] = (method, path, body, headers) => {
    const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          ...target,
          agent,
          method,
          path,
          headers: {
            accept: "application/json",
            ...(data === undefined
              ? {}
              : { "content-type": "application/json", "content-length": data.length }),
            ...headers,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("end", () =>
            resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }),
          );
          incoming.on("error", reject);
        },
      );
      outgoing.on("error", reject);
      outgoing.end(data);
    });
  };
  return {
    send,
    watch(path, onLine) {
      const own = new Agent(tls);
      return new Promise((resolve, reject) => {
        const outgoing = request({ ...target, agent: own, path, headers: { accept: "application/json" } });
        outgoing.on("error", reject);
        outgoing.on("response", (incoming) => {
          let rest = "";
          incoming.setEncoding("utf8");
          incoming.on("data", (text: string) => {
            const lines = (rest + text).split("\n");
            rest = lines.pop() ?? "";
            for (const line of lines) onLine(line);
          });
          incoming.on("error", () => {}); // It was ended here.
          resolve(() => {
            outgoing.destroy();
            own.destroy();
          });
        });
        outgoing.end();
      });
    },
    async rate(count, one) {
      let next = 0;
      const began = performance.now();
      await Promise.all(
        Array.from({ length: connections }, async () => {
          while (next < count) {
            const answer = await one(next++);
            if (answer.status >= 300) throw new Error(`${answer.status}: ${answer.body.toString("utf8")}`);
          }
        }),
      );
      return (count / (performance.now() - began)) * 1000;
    },
    close: () => agent.destroy(),
  };
}
