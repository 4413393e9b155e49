import type { StandIn } from "../contracts.ts";
import { exposePort } from "./expose-port.ts";
import { serveHttp } from "./serve-http.ts";

/**
 * hashicorp/http-echo: answers every request with the text of -text (or ECHO_TEXT), on the port of -listen (":5678"), with
 * the status of -status-code.
 */
export const httpEcho: StandIn = {
  name: "http-echo",
  matches: (imageName) => imageName === "http-echo",
  async start(context) {
    const { command = [], args = [] } = context.container;
    const options = readOptions([...command.slice(1), ...args]);
    const text = options.get("text") ?? context.env["ECHO_TEXT"];
    const listen = options.get("listen") ?? ":5678";
    const port = Number(listen.slice(listen.lastIndexOf(":") + 1));
    const status = Number(options.get("status-code") ?? 200);
    if (text === undefined) throw new Error("http-echo wants -text or ECHO_TEXT");
    if (!(port > 0 && port < 65_536)) throw new Error(`http-echo can't listen on "${listen}"`);
    if (!(status >= 200 && status <= 599)) throw new Error(`http-echo can't answer with status ${status}`);
    await exposePort(context, port);
    return serveHttp(context, port, ({ method = "GET", url = "/", headers }) => {
      context.log(`${headers.host ?? "-"} "${method} ${url} HTTP/1.1" ${status}`);
      return {
        status,
        headers: { "x-app-name": "http-echo", "content-type": "text/plain; charset=utf-8" },
        body: `${text}\n`,
      };
    });
  },
};

/** Options written -name=value, --name=value or -name value. */
function readOptions(words: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const [, name, value] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(words[i] ?? "") ?? [];
    if (name === undefined) continue;
    options.set(name, value ?? words[++i] ?? "");
  }
  return options;
}
