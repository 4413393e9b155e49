import type { StandIn } from "../../contracts.ts";
import { type HttpAnswer, serveHttp } from "../serve-http.ts";

const port = 9099;

/** ghcr.io/open-webui/pipelines as it comes: a model server on which no pipeline is installed, so that it offers nothing. */
export const pipelines: StandIn = {
  name: "pipelines",
  matches: (imageName) => imageName === "pipelines",
  ports: [port],
  start: (context) =>
    serveHttp(context, port, ({ url = "/" }) => {
      const [path = "/"] = url.split("?", 1);
      switch (path.replace(/^\/v1(?=\/)/, "")) {
        case "/":
          return json({ status: true });
        case "/models":
          return json({ object: "list", data: [], pipelines: true });
        case "/pipelines":
          return json({ data: [] });
      }
      return json({ detail: "Not Found" }, 404);
    }),
};

function json(value: unknown, status = 200): HttpAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
