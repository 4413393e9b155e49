import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import path from "node:path";
import { type Clock, errorCodes, IsthmusError, type Logger } from "../base/index.ts";
import type { ConsoleSource } from "./contracts.ts";
import { createGuard } from "./http/guard.ts";
import { createLiveResources, errorBody } from "./http/live-resources.ts";
import { createStaticFiles, pageHeaders } from "./http/static-files.ts";
import { createReader } from "./reader.ts";

export interface ConsoleOptions {
  readonly source: ConsoleSource;
  /** What opens the pages: a secret of this machine's user. */
  readonly token: string;
  /** Port of 127.0.0.1 that is tried first, then the nine after it, then any. Default 20001. */
  readonly port?: number;
  /** Where the web pages are; default: where the build left them. */
  readonly folder?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The console's web server. */
export interface Console {
  readonly port: number;
  /** Opens the pages, token included. */
  readonly url: string;
  /** False: the wanted port was taken. */
  readonly isWantedPort: boolean;
  /** Answers a request that came in at another place, such as an add-on's Service. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  stop(): Promise<void>;
}

/** Istio's own console is looked for here. */
export const consolePort = 20001;
const triedPorts = 10;

/** Serves the console on a loopback port. What makes its pages is loaded when the first one is asked for. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const { source, token, folder = pagesFolder(), clock, log } = options;
  const files = createStaticFiles(folder);
  const reader = createReader(source, clock);
  const readPage = async (target: string) => (await import("./router.ts")).readPage(reader, target);
  const live = createLiveResources({ read: readPage, clock });
  const server = createServer((request, response) => handle(request, response));
  const wanted = options.port ?? consolePort;
  const port = await listen(server, wanted);
  const guard = createGuard({ token, port });

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((reason: unknown) => {
      const body = errorBody(reason);
      if (body.code === "internal")
        log.error(
          { reason: reason instanceof Error ? reason.stack : String(reason) },
          "a console call failed",
        );
      sendJson(response, errorCodes[IsthmusError.from(reason).code].http, body);
    });
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, search, searchParams } = new URL(request.url ?? "/", "http://console");
    if (!pathname.startsWith("/api/")) {
      guard.checkHost(request);
      return servePage(request, response, pathname);
    }
    guard.admit(request);
    if (request.method === "POST") {
      const abort = new AbortController();
      response.on("close", () => abort.abort());
      const { callAction } = await import("./router.ts");
      return sendJson(response, 200, await callAction(reader, pathname, request, abort.signal));
    }
    if (request.method !== "GET")
      throw new IsthmusError("console/no-such-page", "the console answers GET and POST");
    if (pathname === "/api/events") return live.stream(response, searchParams.getAll("watch"));
    return sendJson(response, 200, await readPage(`${pathname}${search}`));
  };

  /** A file, or for every other path the one page whose script reads the path. */
  const servePage = (request: IncomingMessage, response: ServerResponse, pathname: string) => {
    if (request.method !== "GET" && request.method !== "HEAD")
      throw new IsthmusError("console/no-such-page", "pages are only read");
    const name = pathname.slice(1);
    if (name.includes(".") && files.serve(request, response, name)) return;
    const cookie = guard.cookieFor(request);
    if (cookie !== undefined) response.setHeader("set-cookie", cookie);
    if (/\.\w+$/.test(name) || !files.serve(request, response, "index.html")) {
      response.writeHead(404, { ...pageHeaders, "content-type": "text/plain" });
      response.end("There is no such page. isthmus console prints the address of the console.\n");
    }
  };

  return {
    port,
    url: `http://127.0.0.1:${port}/?token=${token}`,
    isWantedPort: port === wanted,
    handle,
    async stop() {
      live.stop();
      reader.loads.stop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Beside the bundle, or in dist/ when run from source. */
function pagesFolder(): string {
  const beside = path.join(import.meta.dirname, "console");
  return existsSync(beside) ? beside : path.join(import.meta.dirname, "../../dist/console");
}

/** Listens on the first free port and gives it. */
async function listen(server: Server, wanted: number): Promise<number> {
  for (const port of [...Array.from({ length: triedPorts }, (_, i) => wanted + i), 0]) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => {
          server.off("error", reject);
          resolve();
        });
      });
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : port;
    } catch (reason) {
      if ((reason as NodeJS.ErrnoException).code !== "EADDRINUSE") throw reason;
    }
  }
  throw new Error("unreachable: any port was asked for");
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
  });
  response.end(JSON.stringify(body));
}
