import type { Host } from "../cluster/host.ts";
import type { Downstream, RequestHead } from "../http/codec.ts";
import type { Headers } from "../http/headers.ts";

/** Envoy's short names of what went wrong, as %RESPONSE_FLAGS% prints them. */
export type ResponseFlag =
  | "UH"
  | "UF"
  | "UO"
  | "NR"
  | "URX"
  | "NC"
  | "DT"
  | "DC"
  | "LH"
  | "UT"
  | "LR"
  | "UR"
  | "UC"
  | "DI"
  | "FI"
  | "RL"
  | "UAEX"
  | "RLSE"
  | "IH"
  | "SI"
  | "DPE"
  | "UPE"
  | "UMSDR"
  | "OM"
  | "DF";

/** The same in words, as %RESPONSE_FLAGS_LONG% prints them. */
export const longFlags: Readonly<Record<ResponseFlag, string>> = {
  UH: "NoHealthyUpstream",
  UF: "UpstreamConnectionFailure",
  UO: "UpstreamOverflow",
  NR: "NoRouteFound",
  URX: "UpstreamRetryLimitExceeded",
  NC: "NoClusterFound",
  DT: "DurationTimeout",
  DC: "DownstreamConnectionTermination",
  LH: "FailedLocalHealthCheck",
  UT: "UpstreamRequestTimeout",
  LR: "LocalReset",
  UR: "UpstreamRemoteReset",
  UC: "UpstreamConnectionTermination",
  DI: "DelayInjected",
  FI: "FaultInjected",
  RL: "RateLimited",
  UAEX: "UnauthorizedExternalService",
  RLSE: "RateLimitServiceError",
  IH: "InvalidEnvoyRequestHeaders",
  SI: "StreamIdleTimeout",
  DPE: "DownstreamProtocolError",
  UPE: "UpstreamProtocolError",
  UMSDR: "UpstreamMaxStreamDurationReached",
  OM: "OverloadManagerTerminated",
  DF: "DnsResolutionFailed",
};

/**
 * Everything that is known about one exchange (an HTTP request, or a whole TCP connection), for logs, header
 * formats and telemetry. Filled in as the exchange goes on.
 */
export interface ExchangeFacts {
  readonly downstream: Downstream;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  /** Milliseconds on a clock that never goes back, as are the following times. */
  readonly started: number;
  requestDone: number | undefined;
  firstUpstreamByte: number | undefined;
  ended: number | undefined;
  /** Undefined for TCP. */
  request: RequestHead | undefined;
  status: number;
  responseHeaders: Headers | undefined;
  responseTrailers: Headers | undefined;
  bytesReceived: number;
  bytesSent: number;
  readonly flags: ResponseFlag[];
  /** Why the answer is what it is: "via_upstream", "route_not_found" … */
  details: string;
  connectionTerminationDetails: string | undefined;
  transportFailure: string | undefined;
  routeName: string;
  virtualHost: string;
  cluster: string;
  upstreamHost: Host | undefined;
  upstreamLocalAddress: string | undefined;
  /** SPIFFE id of the upstream peer, and ours towards it, on a TLS connection. */
  upstreamPeer: string | undefined;
  ownPrincipal: string | undefined;
  attempts: number;
  /** First address of x-forwarded-for when it is trusted, else the peer's. */
  clientAddress: string;
  readonly chainName: string;
  /** Headers with which the peer told about itself. */
  peerMetadata: PeerMetadata | undefined;
}

/** What a mesh peer says about itself (x-envoy-peer-metadata). */
export interface PeerMetadata {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Facts of an exchange that begins now; `request` is absent for TCP. */
export function newFacts(
  startTime: number,
  downstream: Downstream,
  chainName: string,
  request: RequestHead | undefined,
): ExchangeFacts {
  return {
    downstream,
    startTime,
    started: performance.now(),
    requestDone: undefined,
    firstUpstreamByte: undefined,
    ended: undefined,
    request,
    status: 0,
    responseHeaders: undefined,
    responseTrailers: undefined,
    bytesReceived: 0,
    bytesSent: 0,
    flags: [],
    details: "",
    connectionTerminationDetails: undefined,
    transportFailure: undefined,
    routeName: "",
    virtualHost: "",
    cluster: "",
    upstreamHost: undefined,
    upstreamLocalAddress: undefined,
    upstreamPeer: undefined,
    ownPrincipal: undefined,
    attempts: 0,
    clientAddress: downstream.remoteAddress,
    chainName,
    peerMetadata: undefined,
  };
}
