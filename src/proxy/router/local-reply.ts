import { failures, type JwtFailure } from "../filters/jwt/token.ts";
import type { RequestHead, ResetReason } from "../http/codec.ts";
import { type Headers, header } from "../http/headers.ts";
import type { ResponseFlag } from "./facts.ts";
import type { Action, ForwardAction } from "./route.ts";

/** An answer that the proxy gives itself. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  readonly flag: ResponseFlag | undefined;
  /** %RESPONSE_CODE_DETAILS%. */
  readonly details: string;
  readonly grpcStatus?: number;
}

/** What is logged of a stream that the upstream broke off. */
export const resetFlags: Readonly<Record<ResetReason, ResponseFlag>> = {
  "remote connection failure": "UF",
  "local connection failure": "UF",
  "connection timeout": "UF",
  "connection termination": "UC",
  "remote reset": "UR",
  "remote refused stream reset": "UR",
  overflow: "UO",
  "protocol error": "UPE",
  "local reset": "LR",
};

/** The answer when the upstream broke off before it answered. */
export function resetReply(reason: ResetReason, transportFailure: string, retried: boolean): LocalReply {
  const start = "upstream connect error or disconnect/reset before headers.";
  return {
    status: reason === "protocol error" ? 502 : 503,
    body: retried
      ? `${start} retried and the latest reset reason: ${reason}`
      : `${start} reset reason: ${reason}`,
    flag: resetFlags[reason],
    details:
      reason === "overflow"
        ? "upstream_reset_before_response_started{overflow}"
        : `upstream_reset_before_response_started{${underscored(reason, transportFailure)}}`,
  };
}

function underscored(reason: ResetReason, transportFailure: string): string {
  return (transportFailure === "" ? reason : `${reason}|${transportFailure}`).replaceAll(" ", "_");
}

export const replies = {
  noRoute: { status: 404, body: "", flag: "NR", details: "route_not_found" },
  noCluster: { status: 503, body: "", flag: "NC", details: "cluster_not_found" },
  noHealthyUpstream: { status: 503, body: "no healthy upstream", flag: "UH", details: "no_healthy_upstream" },
  timeout: { status: 504, body: "upstream request timeout", flag: "UT", details: "response_timeout" },
  tryTimeout: {
    status: 504,
    body: "upstream request timeout",
    flag: "UT",
    details: "upstream_per_try_timeout",
  },
  streamDuration: {
    status: 504,
    body: "upstream max stream duration reached",
    flag: "UMSDR",
    details: "upstream_max_stream_duration_reached",
  },
  idleTimeout: { status: 408, body: "stream timeout", flag: "SI", details: "stream_idle_timeout" },
  denied: {
    status: 403,
    body: "RBAC: access denied",
    flag: undefined,
    details: "rbac_access_denied_matched_policy[none]",
  },
  missingHost: { status: 400, body: "", flag: undefined, details: "missing_host_header" },
  noPath: { status: 404, body: "", flag: undefined, details: "absolute_path_rejected" },
  upgradeRefused: { status: 403, body: "", flag: undefined, details: "upgrade_failed" },
  plainPath: { status: 307, body: "", flag: undefined, details: "path_normalization_failed" },
  requestTimeout: {
    status: 408,
    body: "request timeout",
    flag: undefined,
    details: "request_overall_timeout",
  },
  badPath: { status: 400, body: "", flag: undefined, details: "path_normalization_failed" },
  tooLarge: { status: 413, body: "Payload Too Large", flag: undefined, details: "request_payload_too_large" },
} as const satisfies Readonly<Record<string, LocalReply>>;

/** The answer to a request whose token is missing or not to be trusted (RFC 6750 3). `isSilent`: without the reason. */
export function jwtReply(
  failure: JwtFailure,
  uri: string,
  isSilent: boolean,
): { readonly reply: LocalReply; readonly headers: Headers } {
  const status = failure === failures.audience ? 403 : 401;
  const details = `jwt_authn_access_denied{${failure.replaceAll(" ", "_")}}`;
  const error = failure === failures.missing ? "" : ', error="invalid_token"';
  return {
    reply: { status, body: isSilent ? "" : failure, flag: undefined, details },
    headers: isSilent ? [] : ["www-authenticate", `Bearer realm="${uri}"${error}`],
  };
}

/** What a route that leads to no cluster answers. */
export function routeReply(
  action: Exclude<Action, ForwardAction>,
  request: RequestHead,
): { readonly answer: LocalReply; readonly headers: Headers } {
  const answer = { status: action.status, flag: undefined, details: "direct_response" };
  return action.kind === "redirect"
    ? { answer: { ...answer, body: "" }, headers: ["location", action.location(request, request.scheme)] }
    : { answer: { ...answer, body: action.body.toString("latin1") }, headers: [] };
}

/** A local reply in the form in which its client understands it: gRPC callers get a status, others a text. */
export function localResponse(
  reply: LocalReply,
  request: RequestHead,
  extra: Headers,
): {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly hasLength: boolean;
} {
  const headers: Headers = [...extra];
  if (header(request.headers, "content-type")?.startsWith("application/grpc")) {
    headers.push("content-type", "application/grpc");
    headers.push("grpc-status", String(reply.grpcStatus ?? grpcStatusOf(reply.status)));
    if (reply.body !== "") headers.push("grpc-message", grpcMessage(reply.body));
    return { status: 200, headers, bytes: Buffer.alloc(0), hasLength: false };
  }
  if (reply.grpcStatus !== undefined) headers.push("grpc-status", String(reply.grpcStatus));
  if (reply.body !== "") headers.push("content-type", "text/plain");
  return { status: reply.status, headers, bytes: Buffer.from(reply.body, "latin1"), hasLength: true };
}

/** gRPC status for an HTTP status (Envoy's Grpc::Utility::httpToGrpcStatus). */
function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** Percent-encodes what a grpc-message may not hold (gRPC over HTTP/2, "Status-Message"). */
function grpcMessage(text: string): string {
  return text.replace(/[^ -$&-~]/g, (character) => encodeURIComponent(character));
}
