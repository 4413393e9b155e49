import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { StandIn } from "../contracts.ts";
import { exposePort } from "./expose-port.ts";

/** Longest line that is echoed, in bytes; a longer one ends the connection. */
const mostLine = 64 * 1024;

/** Istio's tcp-echo sample: sends every line back behind a prefix. Its arguments are "PORT,PORT …" and the prefix. */
export const tcpEcho: StandIn = {
  name: "tcp-echo",
  matches: (imageName) => imageName === "tcp-echo-server",
  async start(context) {
    const { network, container, log } = context;
    const [list = "", prefix, ...more] = [...(container.command ?? []), ...(container.args ?? [])].slice(-2);
    const ports = list.split(",").map(Number);
    if (prefix === undefined || more.length > 0 || !ports.every((port) => port > 0 && port < 65_536))
      throw new Error('tcp-echo-server wants the arguments "PORT[,PORT …]" and PREFIX');
    const open = new Set<Socket>();
    const servers: Server[] = [];
    const close = () => {
      for (const server of servers) server.close();
    };
    try {
      for (const port of ports) {
        const server = createServer((socket) => {
          open.add(socket);
          socket.once("close", () => open.delete(socket));
          echo(socket, prefix, log);
        });
        const { address, port: appPort } = network.appAddress(port);
        server.listen(appPort, address);
        await once(server, "listening");
        servers.push(server);
        await exposePort(context, port);
        log(`listening on [::]:${port}, prefix: ${prefix}`);
      }
    } catch (reason) {
      close();
      throw reason;
    }
    const exited = Promise.all(servers.map((server) => once(server, "close"))).then(() => ({ exitCode: 0 }));
    return {
      exited,
      async stop() {
        close();
        for (const socket of open) socket.destroy();
        await exited;
      },
    };
  },
};

function echo(socket: Socket, prefix: string, log: (line: string) => void): void {
  let begun = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    begun = Buffer.concat([begun, chunk]);
    for (let end = begun.indexOf(10); end >= 0; end = begun.indexOf(10)) {
      const line = begun.subarray(0, end + 1);
      begun = begun.subarray(end + 1);
      const answer = Buffer.concat([Buffer.from(`${prefix} `), line]);
      log(`request: ${line.toString().trimEnd()}`);
      log(`response: ${answer.toString().trimEnd()}`);
      if (!socket.write(answer)) pauseUntilDrained(socket);
    }
    if (begun.length > mostLine) socket.destroy();
  });
  // A client that has said everything still hears the rest.
  socket.on("error", () => socket.destroy());
}

function pauseUntilDrained(socket: Socket): void {
  if (socket.isPaused()) return;
  socket.pause();
  socket.once("drain", () => socket.resume());
}
