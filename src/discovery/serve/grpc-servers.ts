import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import { createSecureServer, createServer } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Logger, Stop } from "../../base/index.ts";
import { type GrpcHandlers, serveGrpc } from "../../xds/index.ts";
import type { CertificateSigner } from "../contracts.ts";
import { handSockets, type Listen } from "./hand-sockets.ts";

/** Serves gRPC in the clear on a port. The returned function closes the port and ends all calls. */
export async function servePlainGrpc(
  listen: Listen,
  port: number,
  handlers: GrpcHandlers,
  log: Logger,
): Promise<Stop> {
  const server = createServer();
  return run(server, new Set(), listen, port, handlers, log);
}

/**
 * Serves gRPC over TLS on a port, with a certificate for istiod's names that follows the signer. Clients are asked to
 * connect anew when it changes, which is how they learn of it; calls under way go on. Client certificates are
 * optional; one that the mesh's root did not sign counts as none.
 */
export async function serveTlsGrpc(
  listen: Listen,
  port: number,
  handlers: GrpcHandlers,
  signer: CertificateSigner,
  dnsNames: readonly string[],
  signal: AbortSignal,
  log: Logger,
): Promise<Stop> {
  const context = () => {
    const { key, chain } = signer.serverCertificate(dnsNames);
    return { key, cert: chain, ca: signer.rootPem };
  };
  const server = createSecureServer({
    ...context(),
    ALPNProtocols: ["h2"],
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
  });
  const sessions = new Set<ServerHttp2Session>();
  signer.changes.subscribe(() => {
    server.setSecureContext(context());
    for (const session of sessions) if (!session.closed) session.goaway();
  }, signal);
  server.on("tlsClientError", (reason) => log.debug({ reason: String(reason) }, "TLS failed"));
  return run(server, sessions, listen, port, handlers, log);
}

/** Keeps those that are open in `sessions`. */
async function run(
  server: Http2Server | Http2SecureServer,
  sessions: Set<ServerHttp2Session>,
  listen: Listen,
  port: number,
  handlers: GrpcHandlers,
  log: Logger,
): Promise<Stop> {
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", (reason) => log.debug({ reason: String(reason) }, "a connection failed"));
  });
  server.on("sessionError", (reason: unknown) =>
    log.debug({ reason: String(reason) }, "a connection failed"),
  );
  server.on("stream", (stream, headers) => {
    const socket = stream.session?.socket;
    const peer = {
      address: socket?.remoteAddress ?? "",
      identities: socket === undefined ? [] : identitiesOf(socket),
    };
    serveGrpc(stream, headers, handlers, peer, (reason) =>
      log.error({ reason: String(reason) }, "a call failed"),
    );
  });
  const close = await handSockets(server, listen, port);
  return () => {
    for (const session of sessions) session.destroy();
    return close();
  };
}

/** SPIFFE identities of a verified client certificate. */
function identitiesOf(socket: Socket | TLSSocket): readonly string[] {
  // A session's socket is a proxy that hides the properties of the real one from `in`.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  const names = socket.getPeerX509Certificate()?.subjectAltName ?? "";
  return names.split(", ").flatMap((name) => (name.startsWith("URI:") ? [name.slice("URI:".length)] : []));
}
