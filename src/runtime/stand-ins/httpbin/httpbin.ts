import { Buffer } from "node:buffer";
import type { StandIn } from "../../contracts.ts";
import { exposePort } from "../expose-port.ts";
import { serveHttp } from "../serve-http.ts";
import { answerOf } from "./answers.ts";

/**
 * httpbin, which most of Istio's tasks send their requests to: says what came, and answers as it is asked to. As
 * go-httpbin (port 8080, values in lists) or as the older one in Python (port 80, values as texts); PORT names another port.
 */
export const httpbin: StandIn = {
  name: "httpbin",
  matches: (imageName) => imageName === "go-httpbin" || imageName === "httpbin",
  async start(context) {
    const { env, container } = context;
    const isGo = /go-httpbin/.test(container.image ?? "");
    const port = Number(env["PORT"] ?? (isGo ? 8080 : 80));
    const running = await serveHttp(context, port, async (request, readBody) => {
      const answer = await answerOf({
        method: request.method ?? "GET",
        target: request.url ?? "/",
        fields: fieldsOf(request.rawHeaders),
        peer: request.socket.remoteAddress ?? "",
        body: await readBody(),
        hostname: env["HOSTNAME"] ?? "",
        asLists: isGo,
      });
      context.log(`${request.method} ${request.url} ${answer.status}`);
      return answer;
    });
    await exposePort(context, port);
    return running;
  },
};

/** All values of each header, by its name as Go writes it: "x-request-id" is "X-Request-Id". */
function fieldsOf(raw: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    // Header values are bytes; what they stand for is UTF-8 in practice.
    const value = Buffer.from(raw[i + 1] ?? "", "latin1").toString("utf8");
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  return fields;
}
