import type { StandIn } from "../contracts.ts";
import { burnCpu, serveHttp } from "./serve-http.ts";

const image = /^examples-helloworld-(v[0-9]+)$/;

/** Istio's helloworld sample: GET /hello names version and pod, GET /health says that it is well. */
export const helloworld: StandIn = {
  name: "helloworld",
  matches: (imageName) => image.test(imageName),
  ports: [5000],
  async start(context) {
    const { env, container } = context;
    const fromImage = /examples-helloworld-(v[0-9]+)/.exec(container.image ?? "")?.[1];
    const version = env["SERVICE_VERSION"] ?? fromImage ?? "unknown";
    const instance = env["HOSTNAME"] ?? "";
    return serveHttp(context, 5000, ({ method, url = "/" }) => {
      const [path = "/"] = url.split("?", 1);
      const body = { "/hello": hello(version, instance), "/health": "Helloworld is healthy" }[path];
      if (body === undefined)
        return {
          status: 404,
          headers,
          body: page("404 Not Found", "The requested URL was not found on the server."),
        };
      if (method !== "GET" && method !== "HEAD") {
        return {
          status: 405,
          headers: { ...headers, allow: "GET, HEAD" },
          body: page("405 Method Not Allowed", "The method is not allowed for the requested URL."),
        };
      }
      if (path === "/hello") burnCpu(50_000);
      return { status: 200, headers, body };
    });
  },
};

const headers = { server: "gunicorn", "content-type": "text/html; charset=utf-8" };

function hello(version: string, instance: string): string {
  return `Hello version: ${version}, instance: ${instance}\n`;
}

function page(title: string, text: string): string {
  return `<!doctype html>\n<html lang=en>\n<title>${title}</title>\n<h1>${title.slice(4)}</h1>\n<p>${text}</p>\n`;
}
