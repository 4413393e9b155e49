import { connect, createServer, type Server } from "node:net";
import type { Destination, PodAttachment, PodNetwork } from "../contracts.ts";
import { answersOf } from "./answers-of.ts";

/**
 * A pod network of plain sockets for tests: app ports are led from the pod's address to free ports of its shadow
 * address, only `names` are resolved, nothing is intercepted. `address` is in 127.0.0.0/8.
 */
export function attachLoopback(address: string, names: Readonly<Record<string, string>> = {}): PodAttachment {
  const servers: Server[] = [];
  const listening = new Set<number>();
  const [a, b, c, d] = address.split(".");
  const shadow = [a, b, Number(c) + 64, d].join(".");
  const appAddress = (port: number): Destination => ({ address: shadow, port });
  const listen = async (port: number, onConnection: Parameters<PodNetwork["listen"]>[1]) => {
    const server = createServer(onConnection);
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
    listening.add(port);
    return async () => void server.close();
  };
  const dial = (to: Destination) => {
    const isApp = to.address === address && !listening.has(to.port);
    return isApp ? connect({ host: shadow, port: to.port }) : connect({ host: to.address, port: to.port });
  };
  const resolve = async (host: string) => [names[host] ?? []].flat();
  const network: PodNetwork = {
    cluster: "test",
    address,
    dial,
    isDirect: ({ address: to }) => to.startsWith("127."),
    connect: async (host, port) => dial({ address: host, port }),
    listen,
    resolve,
    lookup: resolve,
    answer: answersOf((name) => [names[name] ?? []].flat()),
    appAddress,
    async exposeAppPort(port) {
      await listen(port, (socket) => {
        const app = connect({ host: shadow, port });
        app.on("error", () => socket.destroy());
        socket.on("error", () => app.destroy());
        socket.pipe(app).pipe(socket);
      });
      listening.delete(port);
    },
    environment: {},
    intercept() {},
  };
  return {
    network,
    async release() {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
