import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { TransportSocket } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { UpstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { unpack } from "../config/wire.ts";
import { watchLike } from "../cpu-meter.ts";
import { destroyWrapped } from "./destroy-wrapped.ts";
import { type PeerCertificate, readPeerCertificate } from "./peer-certificate.ts";
import { isFor } from "./subject-match.ts";
import type { TlsCompiler, TlsSettings } from "./tls-settings.ts";

/** Client side of TLS for one cluster (or one of its transport_socket_matches). */
export interface ClientTls {
  readonly settings: TlsSettings;
  readonly sni: string;
}

/** Compiles an upstream transport socket; undefined for plain text. Throws ConfigError. */
export function compileClientTls(
  socket: TransportSocket | undefined,
  compiler: TlsCompiler,
  where: string,
): ClientTls | undefined {
  if (socket === undefined) return undefined;
  const config = socket.configType.value;
  if (config?.typeUrl.endsWith(".RawBuffer")) return undefined;
  if (!config?.typeUrl.endsWith(".UpstreamTlsContext")) {
    throw new ConfigError(`${where}: unsupported transport socket ${config?.typeUrl ?? socket.name}`);
  }
  const context = unpack(config, UpstreamTlsContextSchema, where);
  return { settings: compiler.compile(context.commonTlsContext, "client", where), sni: context.sni };
}

/** A session to resume, valid for exactly one peer under one set of rules. */
export interface SessionSlot {
  session: Buffer | undefined;
  /** The peer of the handshake that the session comes from: a resumed one shows no certificate. */
  peer: PeerCertificate | undefined;
  generation: number;
}

/**
 * Does the client's part of the handshake on a socket that may still be connecting. Exactly one of the callbacks
 * is called, once. The mesh identifies peers by SPIFFE ids, which `settings.subject` checks; where `host` is given, the
 * certificate must be for that host as well.
 */
export function connectTls(
  socket: Socket,
  tls: ClientTls,
  alpn: readonly string[],
  sni: string,
  slot: SessionSlot,
  on: { secured(socket: TLSSocket, peer: PeerCertificate | undefined): void; failed(reason: string): void },
  host?: string,
): void {
  const { settings } = tls;
  const context = settings.context();
  if (context === undefined) {
    on.failed("TLS_error:|Secret is not supplied by SDS:TLS_error_end");
    socket.destroy();
    return;
  }
  const generation = settings.generation();
  if (slot.generation !== generation) {
    slot.session = undefined;
    slot.generation = generation;
  }
  // Announces a metadata preface that this proxy does not send; "istio" beside it selects the same chains.
  const protocols = alpn.filter((name) => name !== "istio-peer-exchange");
  const secure = connect({
    socket,
    secureContext: context,
    rejectUnauthorized: settings.validates,
    checkServerIdentity: () => undefined,
    ...(sni === "" ? {} : { servername: sni }),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: protocols }),
    ...(slot.session === undefined ? {} : { session: slot.session }),
  });
  watchLike(socket, secure);
  const resumedPeer = slot.peer;
  secure.allowHalfOpen = false;
  let settled = false;
  let secured = false;
  const fail = (reason: string) => {
    if (settled) return;
    settled = true;
    slot.session = undefined;
    on.failed(reason);
    secure.destroy();
    destroyWrapped(socket);
  };
  const onError = (reason: Error) => fail(describe(reason));
  const onClose = () => fail("TLS_error:|connection closed during handshake:TLS_error_end");
  secure.on("error", onError);
  secure.on("error", () => {});
  secure.on("close", onClose);
  let peer: PeerCertificate | undefined;
  let session: Buffer | undefined;
  // Session and peer go together: behind one address there may be several peers.
  const remember = () => {
    if (session === undefined || !secured) return;
    slot.session = session;
    slot.peer = peer;
  };
  secure.on("session", (ticket: Buffer) => {
    session = ticket;
    remember();
  });
  secure.on("secureConnect", () => {
    if (settled) return;
    if (settings.validates && !secure.authorized)
      return fail(verifyFailed(String(secure.authorizationError)));
    const certificate = secure.isSessionReused() ? undefined : secure.getPeerX509Certificate();
    peer = secure.isSessionReused()
      ? resumedPeer
      : certificate === undefined
        ? undefined
        : readPeerCertificate(certificate);
    if (settings.subject !== undefined && (peer === undefined || !settings.subject(peer))) {
      return fail(verifyFailed("verify SAN list"));
    }
    if (host !== undefined && settings.validates && (peer === undefined || !isFor(peer, host)))
      return fail(verifyFailed("verify SAN list"));
    settled = true;
    secured = true;
    remember();
    secure.allowHalfOpen = true;
    secure.off("error", onError);
    secure.off("close", onClose);
    on.secured(secure, peer);
  });
}

/** OpenSSL's codes of a chain that can't be trusted. */
const chainCodes = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "UNABLE_TO_GET_CRL",
  "CRL_SIGNATURE_FAILURE",
  "CRL_NOT_YET_VALID",
  "CRL_HAS_EXPIRED",
  "INVALID_CA",
  "INVALID_PURPOSE",
]);

function describe(reason: Error & { readonly code?: string }): string {
  if (reason.code !== undefined && chainCodes.has(reason.code)) return verifyFailed(reason.message);
  const name = reason.code?.replace(/^ERR_SSL_/, "") ?? "";
  const number = reasonNumbers[name];
  if (number !== undefined) return tlsError(number, name);
  return `TLS_error:|${reason.message.replaceAll("\n", " ").trim()}:TLS_error_end`;
}

function verifyFailed(detail: string): string {
  return tlsError(125, `CERTIFICATE_VERIFY_FAILED:${detail}`);
}

/** A failure in the words of Envoy's TLS library (BoringSSL). */
function tlsError(number: number, text: string): string {
  return `TLS_error:|${0x1000_0000 + number}:SSL routines:OPENSSL_internal:${text}:TLS_error_end`;
}

/** BoringSSL's numbers of the reasons that peers meet, by the names that OpenSSL shares. */
const reasonNumbers: Readonly<Record<string, number>> = {
  HTTP_REQUEST: 156,
  NO_SHARED_CIPHER: 184,
  UNSUPPORTED_PROTOCOL: 240,
  WRONG_VERSION_NUMBER: 247,
  SSLV3_ALERT_HANDSHAKE_FAILURE: 1040,
  SSLV3_ALERT_BAD_CERTIFICATE: 1042,
  SSLV3_ALERT_CERTIFICATE_EXPIRED: 1045,
  SSLV3_ALERT_CERTIFICATE_UNKNOWN: 1046,
  TLSV1_ALERT_UNKNOWN_CA: 1048,
  TLSV1_ALERT_PROTOCOL_VERSION: 1070,
  TLSV1_UNRECOGNIZED_NAME: 1112,
};
