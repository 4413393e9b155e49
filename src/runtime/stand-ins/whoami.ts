import type { StandIn } from "../contracts.ts";
import { exposePort } from "./expose-port.ts";
import { serveHttp } from "./serve-http.ts";

/**
 * traefik/whoami: tells who answers and what was asked: the pod's name and address, and the request with its headers.
 * /health is there for probes. It listens on --port, or on WHOAMI_PORT_NUMBER (80), and calls itself WHOAMI_NAME.
 */
export const whoami: StandIn = {
  name: "whoami",
  matches: (imageName) => imageName === "whoami",
  async start(context) {
    const { env, network, container, pod } = context;
    const words = [...(container.command ?? []).slice(1), ...(container.args ?? [])];
    const at = words.findIndex((word) => /^--?port(=|$)/.test(word));
    const given = at < 0 ? env["WHOAMI_PORT_NUMBER"] : (words[at]?.split("=")[1] ?? words[at + 1]);
    const port = Number(given ?? 80);
    if (!(port > 0 && port < 65_536)) throw new Error(`whoami can't listen on port "${given}"`);
    const name = env["WHOAMI_NAME"];
    await exposePort(context, port);
    return serveHttp(context, port, ({ method, url = "/", httpVersion, rawHeaders, socket }) => {
      if (url === "/health") return { status: 200, body: "" };
      const lines = [
        ...(name === undefined ? [] : [`Name: ${name}`]),
        `Hostname: ${env["HOSTNAME"] ?? pod.metadata.name}`,
        `IP: ${network.address}`,
        `RemoteAddr: ${socket.remoteAddress}:${socket.remotePort}`,
        `${method} ${url} HTTP/${httpVersion}`,
        ...rawHeaders.flatMap((field, i) => (i % 2 === 0 ? [`${field}: ${rawHeaders[i + 1]}`] : [])),
      ];
      return {
        status: 200,
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: `${lines.join("\n")}\n\n`,
      };
    });
  },
};
