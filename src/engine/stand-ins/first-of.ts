import type { RequestHandler } from "../../runtime/index.ts";
import type { HttpHandler } from "../../telemetry/index.ts";

/** Asks one handler after the other; what none of them knows is not found. */
export function firstOf(...handlers: readonly HttpHandler[]): RequestHandler {
  return async (request, response) => {
    for (const handle of handlers) if (await handle(request, response)) return;
    request.resume();
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found\n");
  };
}
