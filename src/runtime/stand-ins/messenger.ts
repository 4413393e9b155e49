import type { StandIn } from "../contracts.ts";
import { serveHttp } from "./serve-http.ts";

/** npalm/hello-mesh-messenger: answers the text of MESSAGE on every path. */
export const messenger: StandIn = {
  name: "messenger",
  matches: (imageName) => imageName === "hello-mesh-messenger",
  ports: [3000],
  start(context) {
    const body = context.env["MESSAGE"] ?? "a Message from somewhere!";
    return serveHttp(context, 3000, () => ({
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8" },
      body,
    }));
  },
};
