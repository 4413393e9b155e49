import type { ServerResponse } from "node:http";
import type { RequestHandler, StandIn } from "../../runtime/index.ts";
import { serveRequests } from "../../runtime/index.ts";
import type { Traces } from "../../telemetry/index.ts";
import { firstOf } from "./first-of.ts";

/**
 * Jaeger's image (jaeger, or all-in-one of version 1): its collectors for Zipkin and OTLP over HTTP, its query API and
 * its page, all on the traces of the whole mesh, whichever cluster they were reported in.
 */
export function createJaegerStandIn(openTraces: () => Promise<Traces>): StandIn {
  return {
    name: "jaeger",
    matches: (image, { image: whole = "" }) =>
      image === "jaeger" || /jaegertracing\/all-in-one\b/.test(whole),
    ports: [16_686, 9411, 4318, 8888, 13_133, 14_269],
    async start(context) {
      const traces = await openTraces();
      const query = firstOf(traces.jaegerApi, traces.pages);
      const collect = firstOf(traces.collector);
      const running = await serveRequests(
        context,
        new Map<number, RequestHandler>([
          [
            16_686,
            (request, response) => {
              // Istio's sample serves it below /jaeger.
              request.url = request.url?.replace(/^\/jaeger(?=\/|$)/, "") || "/";
              return query(request, response);
            },
          ],
          [9411, collect],
          [4318, collect],
          [8888, async (_request, response) => sendMetrics(response, traces)],
          // Health, of version 2 and of version 1.
          [13_133, async (_request, response) => sendJson(response, { status: "StatusOK" })],
          [14_269, async (_request, response) => sendJson(response, { status: "Server available" })],
        ]),
      );
      context.log("jaeger is up: spans at 9411 (Zipkin) and 4318 (OTLP over HTTP), page at 16686");
      return running;
    },
  };
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Jaeger's own metrics, as far as they are about what it holds. */
function sendMetrics(response: ServerResponse, { counts }: Traces): void {
  const metrics = [
    ["otelcol_receiver_accepted_spans_total", "counter", "Spans taken.", counts.accepted],
    ["otelcol_receiver_refused_spans_total", "counter", "Spans that could not be read.", counts.refused],
  ] as const;
  const lines = metrics.flatMap(([name, type, help, value]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    `${name} ${value}`,
  ]);
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(`${lines.join("\n")}\n`);
}
