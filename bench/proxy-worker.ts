/** One process of the proxy bench: a proxy on golden resources, or the app behind it. Started by proxy.mjs. */
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { silentLogger, systemClock } from "../src/base/index.ts";
import { startProxy } from "../src/proxy/index.ts";
import { createFakeDiscovery } from "../src/proxy/testing/fake-discovery.ts";
import { type GoldenProxy, readNode, toResources } from "../src/proxy/testing/golden.ts";
import { SecretSchema } from "../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";

interface WorkerOptions {
  readonly role: "proxy" | "app";
  /** Where the worker listens. */
  readonly port: number;
  /** For a proxy: its configuration, where intercepted connections go, and which real ports stand for addresses. */
  readonly golden?: string;
  readonly side?: "inbound" | "outbound" | "gateway";
  readonly destination?: { readonly address: string; readonly port: number };
  readonly map?: Readonly<Record<string, number>>;
  readonly chain?: string;
  readonly key?: string;
  readonly root?: string;
}

const options: WorkerOptions = JSON.parse(process.argv[2] ?? "{}");
if (options.role === "app") startApp(options.port);
else await startSide(options);
process.once("SIGTERM", () => process.exit());
process.send?.("ready");

/** Answers every request of a keep-alive connection with 100 bytes, as cheaply as can be. */
function startApp(port: number): void {
  const answer = Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n${"x".repeat(100)}`,
  );
  createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      for (let at = chunk.indexOf("\r\n\r\n"); at >= 0; at = chunk.indexOf("\r\n\r\n", at + 4))
        socket.write(answer);
    });
  }).listen(port, "127.0.0.1");
}

async function startSide({
  port,
  golden,
  side,
  destination,
  map = {},
  chain,
  key,
  root,
}: WorkerOptions): Promise<void> {
  const resources: GoldenProxy = JSON.parse(readFileSync(golden ?? "", "utf8"));
  const discovery = createFakeDiscovery(toResources(resources));
  const source = (path: string | undefined) => ({
    specifier: { case: "inlineBytes" as const, value: readFileSync(path ?? "") },
  });
  const secrets = new Map([
    [
      "default",
      create(SecretSchema, {
        type: { case: "tlsCertificate", value: { certificateChain: source(chain), privateKey: source(key) } },
      }),
    ],
    [
      "ROOTCA",
      create(SecretSchema, { type: { case: "validationContext", value: { trustedCa: source(root) } } }),
    ],
  ]);
  const proxy = startProxy({
    node: readNode(resources),
    openAds: discovery.openAds,
    secrets: { get: (name) => secrets.get(name), onChange() {} },
    network: {
      dial: (to) => connect(map[`${to.address}:${to.port}`] ?? to.port, "127.0.0.1"),
      listen: (_port, onConnection) =>
        new Promise((resolve) => {
          const server = createServer(onConnection).listen(port, "127.0.0.1", () =>
            resolve(async () => void server.close()),
          );
        }),
      resolve: async (host) => [host],
    },
    accessLog() {},
    log: silentLogger,
    clock: systemClock,
  });
  while (!proxy.state.ready) await new Promise((resolve) => setTimeout(resolve, 5));
  if (side === "gateway") return;
  const to = destination ?? { address: "127.0.0.1", port };
  await new Promise<void>((resolve) => {
    const accept = (socket: Socket) =>
      side === "inbound" ? proxy.acceptInbound(socket, to) : proxy.acceptOutbound(socket, to);
    createServer(accept).listen(port, "127.0.0.1", resolve);
  });
}
