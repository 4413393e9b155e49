import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { TransportSocket } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { DownstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { unpack } from "../config/wire.ts";
import { watchLike } from "../cpu-meter.ts";
import type { DownstreamTls } from "../http/codec.ts";
import type { ClientHello } from "../listener/client-hello.ts";
import { destroyWrapped } from "./destroy-wrapped.ts";
import { type PeerCertificate, readPeerCertificate } from "./peer-certificate.ts";
import type { TlsCompiler, TlsSettings } from "./tls-settings.ts";

/** Server side of TLS for one filter chain. */
export interface ServerTls {
  readonly settings: TlsSettings;
  readonly requiresCertificate: boolean;
}

/** Compiles the transport socket of a filter chain; undefined for plain text. Throws ConfigError. */
export function compileServerTls(
  socket: TransportSocket | undefined,
  compiler: TlsCompiler,
  where: string,
): ServerTls | undefined {
  if (socket === undefined) return undefined;
  const config = socket.configType.value;
  if (config?.typeUrl.endsWith(".RawBuffer")) return undefined;
  if (!config?.typeUrl.endsWith(".DownstreamTlsContext")) {
    throw new ConfigError(`${where}: unsupported transport socket ${config?.typeUrl ?? socket.name}`);
  }
  const context = unpack(config, DownstreamTlsContextSchema, where);
  return {
    settings: compiler.compile(context.commonTlsContext, "server", where),
    requiresCertificate: context.requireClientCertificate ?? false,
  };
}

/** What tls.Server uses of a TLSSocket and the types do not tell. */
interface ServerSide {
  /** Knows the result of the chain check. */
  readonly _handle?: { verifyError?(): Error | null | undefined };
  /** node:http2 waits while it is true; only tls.Server itself sets it back. */
  secureConnecting: boolean;
}

/**
 * Does the server's part of the handshake on `socket`, whose first bytes may wait in its read buffer. Exactly
 * one of the callbacks is called, once. A failed handshake ends the socket.
 */
export function acceptTls(
  socket: Socket,
  tls: ServerTls,
  hello: ClientHello | undefined,
  on: { secured(socket: TLSSocket, facts: DownstreamTls): void; failed(reason: string): void },
): void {
  const { settings } = tls;
  const context = settings.context(hello?.sni);
  if (context === undefined) {
    on.failed("Secret is not supplied by SDS");
    socket.destroy();
    return;
  }
  const asks = tls.requiresCertificate || settings.asks;
  const alpn = chooseAlpn(settings.alpn, hello);
  const secure = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    requestCert: asks,
    rejectUnauthorized: false,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: alpn }),
  });
  watchLike(socket, secure);
  // A client that leaves in the middle of the handshake must not leave a half-open socket behind.
  secure.allowHalfOpen = false;
  let settled = false;
  const fail = (reason: string) => {
    if (settled) return;
    settled = true;
    on.failed(reason);
    secure.destroy();
    destroyWrapped(socket);
  };
  const onError = (reason: Error) => fail(`TLS_error:|${reason.message}:TLS_error_end`);
  const onClose = () => fail("connection closed during TLS handshake");
  secure.on("error", onError);
  secure.on("error", () => {});
  secure.on("_tlsError", onError);
  secure.on("end", onClose);
  secure.on("close", onClose);
  socket.on("close", onClose);
  secure.on("secure", () => {
    if (settled) return;
    const internals = secure as unknown as ServerSide;
    internals.secureConnecting = false;
    const peer = peerCertificate(secure);
    if (peer === undefined && tls.requiresCertificate) return fail("peer did not return a certificate");
    if (peer !== undefined && settings.validates) {
      const handle = internals._handle;
      if (typeof handle?.verifyError !== "function") return fail("no way to check the peer's certificate");
      const problem = handle.verifyError();
      if (problem) return fail(`TLS_error:|${problem.message}:CERTIFICATE_VERIFY_FAILED:TLS_error_end`);
      if (settings.subject !== undefined && !settings.subject(peer)) {
        return fail("TLS_error:|verify SAN list:CERTIFICATE_VERIFY_FAILED:TLS_error_end");
      }
    }
    settled = true;
    secure.allowHalfOpen = true;
    secure.off("error", onError);
    secure.off("end", onClose);
    secure.off("close", onClose);
    socket.off("close", onClose);
    on.secured(secure, {
      alpn: typeof secure.alpnProtocol === "string" ? secure.alpnProtocol : undefined,
      version: secure.getProtocol() ?? "",
      cipher: secure.getCipher().name,
      peer,
      local: settings.ownCertificate(secure),
    });
  });
}

/**
 * The protocol to agree on: the first of ours that the client names. Without a common one the handshake goes on
 * with none, as Envoy's does, where Node would break it off. istio-peer-exchange is never agreed on: it announces
 * a metadata preface on the stream that this proxy neither sends nor reads.
 */
function chooseAlpn(ours: readonly string[], hello: ClientHello | undefined): string[] {
  const usable = ours.filter((name) => name !== "istio-peer-exchange");
  if (hello === undefined) return usable;
  const common = usable.find((name) => hello.alpn.includes(name));
  return common === undefined ? [] : [common];
}

function peerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : readPeerCertificate(certificate);
}
