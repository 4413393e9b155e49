import type { RequestHandler, StandIn } from "../../runtime/index.ts";
import { serveRequests } from "../../runtime/index.ts";
import type { HttpHandler, Telemetry } from "../../telemetry/index.ts";
import { firstOf } from "./first-of.ts";

/** Where the image listens unless its arguments say another port. */
const defaultPort = 9090;
/** Of the program beside it in Istio's samples, which only tells it of changed files. */
const reloaderPort = 8080;

/** Prometheus' image: its HTTP API and its page, on the metrics of the whole mesh, whichever cluster they come from. */
export function createPrometheusStandIn(telemetry: Promise<Telemetry>): StandIn {
  return {
    name: "prometheus",
    matches: (_, { image = "" }) => /(^|\/)prom\/prometheus\b/.test(image),
    ports: [defaultPort],
    start(context) {
      const { container } = context;
      const address = container.args?.find((arg) => arg.startsWith("--web.listen-address="));
      const port = Number(/:(\d+)$/.exec(address ?? "")?.[1] ?? defaultPort);
      // Readiness must not wait for the mesh, which waits for it.
      const api: HttpHandler = async (...call) => (await telemetry).prometheusApi(...call);
      const page: HttpHandler = async (...call) => (await telemetry).prometheusPage(...call);
      return serveRequests(context, new Map([[port, firstOf(isAlive, api, page)]]));
    },
  };
}

/** The image that tells Prometheus when its files have changed: there are none here. */
export function createReloaderStandIn(): StandIn {
  const handle: RequestHandler = async (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain" }).end("OK\n");
  };
  return {
    name: "prometheus-config-reloader",
    matches: (image) => image === "prometheus-config-reloader",
    ports: [reloaderPort],
    start: (context) => serveRequests(context, new Map([[reloaderPort, handle]])),
  };
}

const isAlive: HttpHandler = async ({ url }, response) => {
  if (url !== "/-/healthy" && url !== "/-/ready") return false;
  const what = url === "/-/ready" ? "Ready" : "Healthy";
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  response.end(`Prometheus Server is ${what}.\n`);
  return true;
};
