import type { Console } from "../../console/index.ts";
import type { RequestHandler, StandIn } from "../../runtime/index.ts";
import { serveRequests } from "../../runtime/index.ts";

const port = 20_001;
const metricsPort = 9090;

/**
 * Kiali's image: the console of the whole mesh where Kiali would be, behind the console's own token. Paths below /kiali
 * lead to its start.
 */
export function createKialiStandIn(console: Promise<Console>): StandIn {
  return {
    name: "kiali",
    matches: (_, { image = "" }) => /(^|\/)kiali\/kiali\b/.test(image),
    ports: [port, metricsPort],
    start: (context) =>
      serveRequests(
        context,
        new Map<number, RequestHandler>([
          [
            port,
            async (request, response) => {
              const { pathname, search } = new URL(request.url ?? "/", "http://kiali");
              // Readiness must not wait for the console, which waits for the mesh.
              if (/^(\/kiali)?\/healthz$/.test(pathname)) {
                response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
              } else if (/^\/kiali(\/|$)/.test(pathname)) {
                response.writeHead(302, { location: `/${search}` }).end();
              } else (await console).handle(request, response);
            },
          ],
          [
            metricsPort,
            async (_request, response) => {
              response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end();
            },
          ],
        ]),
      ),
  };
}
