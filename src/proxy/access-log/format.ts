import { hostname } from "node:os";
import type { JsonValue } from "@bufbuild/protobuf";
import { hostKey } from "../cluster/host.ts";
import { ConfigError } from "../config/config-error.ts";
import { joinedHeader } from "../http/headers.ts";
import { type ExchangeFacts, longFlags } from "../router/facts.ts";
import { requestHeader } from "../router/header-match.ts";

/** Text made from what is known about an exchange. */
export type Format = (facts: ExchangeFacts) => string;

/** The value of one operator; undefined prints as "-". Numbers stay numbers in JSON logs. */
export type Operator = (facts: ExchangeFacts) => string | number | undefined;

/** The format Envoy uses when none is given; Istio's is longer and comes with the configuration. */
export const defaultLogFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

const operatorText = /%(?:%|([A-Z0-9_]+)(?:\(([^)]*)\))?(?::([0-9]+))?%)/g;

/** Compiles a format string. Throws ConfigError on an operator that is unknown. */
export function compileFormat(text: string, where: string, missing = "-"): Format {
  if (!text.includes("%")) return () => text;
  const parts = splitFormat(text, where);
  return (facts) => {
    let out = "";
    for (const part of parts) out += typeof part === "string" ? part : (part(facts) ?? missing);
    return out;
  };
}

/** A format that is one operator and nothing else keeps the operator's type; any other gives text. */
export function compileTyped(text: string, where: string): Operator {
  const parts = splitFormat(text, where);
  const [only] = parts;
  if (parts.length === 1 && typeof only === "function") return only;
  return compileFormat(text, where);
}

function splitFormat(text: string, where: string): (string | Operator)[] {
  const parts: (string | Operator)[] = [];
  let at = 0;
  for (const match of text.matchAll(operatorText)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const name = match[1];
    if (name === undefined) {
      parts.push("%");
      continue;
    }
    const operator = compileOperator(name, match[2] ?? "", where);
    const limit = match[3] === undefined ? undefined : Number(match[3]);
    parts.push(limit === undefined ? operator : (facts) => cut(operator(facts), limit));
  }
  if (at < text.length) {
    const rest = text.slice(at);
    if (rest.includes("%")) throw new ConfigError(`${where}: malformed format ${JSON.stringify(rest)}`);
    parts.push(rest);
  }
  return parts;
}

function cut(value: string | number | undefined, limit: number): string | undefined {
  return value === undefined ? undefined : String(value).slice(0, limit);
}

const operators: Readonly<Record<string, Operator>> = {
  PROTOCOL: (facts) => facts.request?.version,
  RESPONSE_CODE: (facts) => facts.status,
  RESPONSE_CODE_DETAILS: (facts) => facts.details || undefined,
  CONNECTION_TERMINATION_DETAILS: (facts) => facts.connectionTerminationDetails,
  // Also in JSON "-" where there are none.
  RESPONSE_FLAGS: ({ flags }) => (flags.length === 0 ? "-" : flags.join(",")),
  RESPONSE_FLAGS_LONG: ({ flags }) =>
    flags.length === 0 ? "-" : flags.map((flag) => longFlags[flag]).join(","),
  BYTES_RECEIVED: (facts) => facts.bytesReceived,
  BYTES_SENT: (facts) => facts.bytesSent,
  DURATION: (facts) => (facts.ended === undefined ? undefined : Math.round(facts.ended - facts.started)),
  REQUEST_DURATION: (facts) =>
    facts.requestDone === undefined ? undefined : Math.round(facts.requestDone - facts.started),
  RESPONSE_DURATION: (facts) =>
    facts.firstUpstreamByte === undefined ? undefined : Math.round(facts.firstUpstreamByte - facts.started),
  RESPONSE_TX_DURATION: (facts) =>
    facts.firstUpstreamByte === undefined || facts.ended === undefined
      ? undefined
      : Math.round(facts.ended - facts.firstUpstreamByte),
  UPSTREAM_HOST: (facts) => facts.upstreamHost?.key,
  UPSTREAM_REMOTE_ADDRESS: (facts) => facts.upstreamHost?.key,
  UPSTREAM_CLUSTER: (facts) => facts.cluster || undefined,
  UPSTREAM_CLUSTER_RAW: (facts) => facts.cluster || undefined,
  UPSTREAM_LOCAL_ADDRESS: (facts) => facts.upstreamLocalAddress,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (facts) => facts.transportFailure?.replaceAll(" ", "_"),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (facts) => facts.attempts,
  ROUTE_NAME: (facts) => facts.routeName || undefined,
  VIRTUAL_CLUSTER_NAME: () => undefined,
  FILTER_CHAIN_NAME: (facts) => facts.chainName || undefined,
  REQUESTED_SERVER_NAME: ({ downstream }) => downstream.sni,
  DOWNSTREAM_LOCAL_ADDRESS: ({ downstream }) => hostKey(downstream.localAddress, downstream.localPort),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ downstream }) => downstream.localAddress,
  DOWNSTREAM_LOCAL_PORT: ({ downstream }) => downstream.localPort,
  DOWNSTREAM_REMOTE_ADDRESS: ({ downstream, clientAddress }) =>
    hostKey(clientAddress, clientAddress === downstream.remoteAddress ? downstream.remotePort : 0),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ clientAddress }) => clientAddress,
  DOWNSTREAM_REMOTE_PORT: ({ downstream }) => downstream.remotePort,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ downstream }) =>
    hostKey(downstream.remoteAddress, downstream.remotePort),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ downstream }) => downstream.remoteAddress,
  DOWNSTREAM_PEER_URI_SAN: ({ downstream }) => downstream.tls?.peer?.uris.join(",") || undefined,
  DOWNSTREAM_LOCAL_URI_SAN: ({ downstream }) => downstream.tls?.local?.uris.join(",") || undefined,
  DOWNSTREAM_PEER_DNS_SAN: ({ downstream }) => downstream.tls?.peer?.dnsNames.join(",") || undefined,
  DOWNSTREAM_PEER_SUBJECT: ({ downstream }) => downstream.tls?.peer?.subject || undefined,
  DOWNSTREAM_PEER_FINGERPRINT_256: ({ downstream }) => downstream.tls?.peer?.hash,
  DOWNSTREAM_PEER_SERIAL: ({ downstream }) => downstream.tls?.peer?.serial,
  DOWNSTREAM_TLS_VERSION: ({ downstream }) => downstream.tls?.version,
  DOWNSTREAM_TLS_CIPHER: ({ downstream }) => downstream.tls?.cipher,
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: () => undefined,
  CONNECTION_ID: ({ downstream }) => downstream.id,
  HOSTNAME: () => hostname(),
  GRPC_STATUS: (facts) => {
    const status = grpcStatus(facts);
    return status === undefined ? undefined : (grpcNames[Number(status)] ?? status);
  },
  GRPC_STATUS_NUMBER: (facts) => {
    const status = grpcStatus(facts);
    return status === undefined ? undefined : Number(status);
  },
  STREAM_ID: (facts) => requestId(facts),
};

/** gRPC's status codes by number, as logs write them. */
const grpcNames: readonly string[] = (
  "OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted " +
  "FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated"
).split(" ");

function grpcStatus(facts: ExchangeFacts): string | undefined {
  return (
    (facts.responseTrailers && joinedHeader(facts.responseTrailers, "grpc-status")) ??
    (facts.responseHeaders && joinedHeader(facts.responseHeaders, "grpc-status"))
  );
}

function requestId(facts: ExchangeFacts): string | undefined {
  return facts.request && joinedHeader(facts.request.headers, "x-request-id");
}

function compileOperator(name: string, argument: string, where: string): Operator {
  switch (name) {
    case "REQ": {
      const names = argument.split("?").map((part) => part.toLowerCase());
      return (facts) => firstOf(names, (header) => requestField(facts, header));
    }
    case "RESP": {
      const names = argument.split("?").map((part) => part.toLowerCase());
      return (facts) =>
        firstOf(names, (header) => facts.responseHeaders && joinedHeader(facts.responseHeaders, header));
    }
    case "TRAILER":
      return (facts) =>
        facts.responseTrailers && joinedHeader(facts.responseTrailers, argument.toLowerCase());
    case "START_TIME":
      return startTime(argument);
    case "REQ_WITHOUT_QUERY": {
      const names = argument.split("?").map((part) => part.toLowerCase());
      return (facts) => firstOf(names, (header) => requestField(facts, header)?.split("?", 1)[0]);
    }
    // Metadata and filter state of filters that this proxy has no use for.
    case "DYNAMIC_METADATA":
      return metadataField(argument);
    case "METADATA":
    case "FILTER_STATE":
    case "CEL":
    case "ENVIRONMENT":
      return () => undefined;
    default: {
      const operator = operators[name];
      if (operator === undefined) throw new ConfigError(`${where}: unknown format operator %${name}%`);
      return operator;
    }
  }
}

/** %DYNAMIC_METADATA(filter:key:key)%: text as it is, everything else in JSON. */
function metadataField(argument: string): Operator {
  const [filter = "", ...path] = argument.split(":");
  return ({ request }) => {
    let value: JsonValue | undefined = request?.metadata?.[filter];
    for (const part of path) {
      value = typeof value === "object" && value !== null && !Array.isArray(value) ? value[part] : undefined;
    }
    return value === undefined || typeof value === "string" || typeof value === "number"
      ? value
      : JSON.stringify(value);
  };
}

function requestField(facts: ExchangeFacts, name: string): string | undefined {
  const { request } = facts;
  if (request === undefined) return undefined;
  const value = requestHeader(request, name);
  // What was never read, and CONNECT's path.
  const isMissing = value === "" && name.startsWith(":") && !(name === ":authority" && request.hasHost);
  return isMissing ? undefined : value;
}

function firstOf(names: readonly string[], value: (name: string) => string | undefined): string | undefined {
  for (const name of names) {
    const found = value(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** ISO time without an argument; of strftime the parts that logs use. */
function startTime(argument: string): Operator {
  if (argument === "") return ({ startTime }) => new Date(startTime).toISOString();
  return ({ startTime }) => {
    const date = new Date(startTime);
    const two = (value: number) => String(value).padStart(2, "0");
    const milliseconds = String(date.getUTCMilliseconds()).padStart(3, "0");
    return argument.replace(/%([A-Za-z]|[0-9]f)/g, (whole, code: string) => {
      switch (code) {
        case "Y":
          return String(date.getUTCFullYear());
        case "m":
          return two(date.getUTCMonth() + 1);
        case "d":
          return two(date.getUTCDate());
        case "H":
          return two(date.getUTCHours());
        case "M":
          return two(date.getUTCMinutes());
        case "S":
          return two(date.getUTCSeconds());
        case "s":
          return String(Math.floor(startTime / 1000));
        case "F":
          return date.toISOString().slice(0, 10);
        case "T":
          return date.toISOString().slice(11, 19);
        case "z":
          return "+0000";
        case "3f":
          return milliseconds;
        case "6f":
          return `${milliseconds}000`;
        case "9f":
        case "f":
          return `${milliseconds}000000`;
        default:
          return whole;
      }
    });
  };
}
