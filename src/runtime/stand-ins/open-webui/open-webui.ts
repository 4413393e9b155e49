import { readFileSync } from "node:fs";
import { escapeHtml } from "../../../base/index.ts";
import { dataFile } from "../../../kube/index.ts";
import type { ContainerContext, StandIn } from "../../contracts.ts";
import { type HttpAnswer, type ReadBody, serveHttp } from "../serve-http.ts";
import { createChatSockets } from "./chat-sockets.ts";
import { createModelServers, type ModelServers, ServerFailure } from "./model-servers.ts";

const port = 8080;

/**
 * ghcr.io/open-webui/open-webui: a chat page that talks to the model servers of OPENAI_API_BASE_URL(S) from its pod, as
 * their client in the mesh. Without accounts, history and everything else that the real one has.
 */
export const openWebui: StandIn = {
  name: "open-webui",
  matches: (imageName) => imageName === "open-webui",
  ports: [port],
  async start(context) {
    // The chart lets the image copy its data to the volume first; there is none here.
    if (isInitContainer(context)) return { exited: Promise.resolve({ exitCode: 0 }), stop: async () => {} };
    const servers = createModelServers(context);
    const sockets = createChatSockets(servers);
    const routes = pageRoutes(servers, context.env["WEBUI_NAME"] ?? "Open WebUI stand-in");
    const running = await serveHttp(
      context,
      port,
      async (request, readBody) => {
        const [path = "/"] = (request.url ?? "/").split("?", 1);
        try {
          return await routes(`${request.method} ${path}`, readBody);
        } catch (reason) {
          if (!(reason instanceof ServerFailure)) throw reason;
          context.log(reason.message);
          return json({ detail: reason.message }, reason.status);
        }
      },
      { upgrade: { path: "/ws/chat", accept: sockets.accept } },
    );
    return {
      ...running,
      stop(graceSeconds) {
        sockets.close();
        return running.stop(graceSeconds);
      },
    };
  },
};

function isInitContainer({ pod, container }: ContainerContext): boolean {
  return pod.spec.initContainers?.some(({ name }) => name === container.name) === true;
}

type Route = (route: string, readBody: ReadBody) => Promise<HttpAnswer>;

function pageRoutes(servers: ModelServers, name: string): Route {
  const file = (path: string) => readFileSync(dataFile(`open-webui/${path}`), "utf8");
  const page = file("index.html").replaceAll("{{name}}", escapeHtml(name));
  const assets = new Map<string, HttpAnswer>([
    ["/", asset("text/html; charset=utf-8", page)],
    ["/static/chat.js", asset("text/javascript; charset=utf-8", file("chat.js"))],
    ["/static/chat.css", asset("text/css; charset=utf-8", file("chat.css"))],
    ["/health", json({ status: true })],
    ["/api/config", json({ status: true, name, features: { enable_websocket: true } })],
  ]);
  return async (route, readBody) => {
    const [, known] = /^(?:GET|HEAD) (.*)$/.exec(route) ?? [];
    const present = assets.get(known ?? "");
    if (present !== undefined) return present;
    switch (route) {
      case "GET /api/models": {
        const { models, failures } = await servers.list();
        return json({
          object: "list",
          data: models.map(({ id, server }) => ({
            id,
            name: id,
            object: "model",
            owned_by: "openai",
            server,
          })),
          errors: failures.map((message) => ({ message })),
        });
      }
      case "POST /api/chat/completions":
        return passOn(servers, await readBody());
    }
    return json({ detail: "Not Found" }, 404);
  };
}

async function passOn(servers: ModelServers, text: string): Promise<HttpAnswer> {
  let question: unknown;
  try {
    question = JSON.parse(text);
  } catch {
    throw new ServerFailure("the request is no JSON", 400);
  }
  if (typeof question !== "object" || question === null || Array.isArray(question))
    throw new ServerFailure("the request is no JSON object", 400);
  const { contentType, body } = await servers.chat(question as Record<string, unknown>);
  return { status: 200, headers: { "content-type": contentType, "cache-control": "no-store" }, body };
}

/** Nothing on the page comes from elsewhere, and nobody may frame it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws: wss:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

function asset(type: string, body: string): HttpAnswer {
  return {
    status: 200,
    headers: {
      "content-type": type,
      "cache-control": "no-cache",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
    },
    body,
  };
}

function json(value: unknown, status = 200): HttpAnswer {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(value),
  };
}
