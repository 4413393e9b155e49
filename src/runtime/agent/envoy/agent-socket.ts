import { createServer, type ServerHttp2Session } from "node:http2";
import type { Logger, Stop } from "../../../base/index.ts";
import { type GrpcCall, methods, serveGrpc } from "../../../xds/index.ts";
import type { AgentSecrets } from "../contracts.ts";
import type { AdsRelay } from "./ads-relay.ts";
import { serveSecrets } from "./secret-service.ts";

/** Serves Envoy's two gRPC clusters on the unix socket `path`: ADS, relayed, and SDS from the agent's own secrets. */
export async function serveAgentSocket(
  path: string,
  options: { readonly relay: AdsRelay; readonly secrets: AgentSecrets; readonly log: Logger },
): Promise<Stop> {
  const { relay, secrets, log } = options;
  const handlers = {
    [methods.deltaAggregatedResources]: (call: GrpcCall) => relay.serve(call),
    [methods.streamSecrets]: (call: GrpcCall) => serveSecrets(call, secrets),
  };
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({ maxSessionMemory: 256 });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) =>
    serveGrpc(stream, headers, handlers, { address: "", identities: [] }, (reason) =>
      log.error({ reason: String(reason) }, "a stream of Envoy's failed"),
    ),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return async () => {
    for (const session of sessions) session.destroy();
    server.close();
  };
}
