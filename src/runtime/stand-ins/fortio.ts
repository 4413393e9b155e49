import { setTimeout as wait } from "node:timers/promises";
import type { ContainerContext, StandIn } from "../contracts.ts";
import { exposePort } from "./expose-port.ts";
import { runProgram } from "./run-program.ts";
import { serveHttp } from "./serve-http.ts";

/** Milliseconds that a request may ask an answer to be late. */
const mostDelay = 60_000;

/**
 * fortio/fortio: a server whose answers are what was sent, with the status and the delay that the query asks for
 * (`?status=503&delay=100ms`); with other arguments the command line of that name, which pods have for `kubectl exec` too.
 */
export const fortio: StandIn = {
  name: "fortio",
  matches: (imageName) => imageName === "fortio",
  async start(context) {
    const { command = [], args = [] } = context.container;
    const words = [...command.slice(1), ...args];
    const [verb = "server"] = words;
    if (verb !== "server") return runProgram(context, { command: ["fortio", ...words] });
    const port = portOf(context, words);
    await exposePort(context, port);
    return serveHttp(context, port, async ({ url = "/", headers }, readBody) => {
      const { searchParams } = new URL(url, "http://fortio");
      const body = await readBody();
      const [, amount = "0", unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(searchParams.get("delay") ?? "") ?? [];
      const delay = Number(amount) * (unit === "s" ? 1000 : 1);
      if (delay > 0) await wait(Math.min(delay, mostDelay));
      const status = Number(searchParams.get("status") ?? 200);
      return {
        status: status >= 200 && status <= 599 ? status : 400,
        headers: { "content-type": headers["content-type"] ?? "text/plain; charset=UTF-8" },
        body,
      };
    });
  },
};

/** Of the option -http-port, which may name an address before it. */
function portOf({ container }: ContainerContext, words: readonly string[]): number {
  const at = words.findIndex((word) => /^--?http-port/.test(word));
  const word = words[at] ?? "";
  const value = word.includes("=") ? word.slice(word.indexOf("=") + 1) : words[at + 1];
  const port = at < 0 ? undefined : Number(value?.slice(value.lastIndexOf(":") + 1));
  if (port !== undefined && !(port > 0 && port < 65_536))
    throw new Error(`${container.name}: fortio wants a port behind -http-port`);
  return port ?? 8080;
}
