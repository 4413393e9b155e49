import type { RetryPolicy as RetryMessage } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { milliseconds } from "../config/wire.ts";
import type { ResetReason } from "../http/codec.ts";
import { type Headers, header } from "../http/headers.ts";
import { compileHeaderMatch, type RequestTest } from "./header-match.ts";

/** When and how often a request is tried again. */
export interface RetryPolicy {
  readonly retries: number;
  readonly perTryTimeout: number;
  /** Milliseconds: first waiting time and the most. */
  readonly backOff: number;
  readonly maxBackOff: number;
  /** Tries prefer hosts that were not tried yet. */
  readonly avoidsTried: boolean;
  readonly hostAttempts: number;
  retriesStatus(status: number, headers: Headers): boolean;
  /** `beforeHeaders`: nothing of the request had left yet. */
  retriesReset(reason: ResetReason, beforeHeaders: boolean): boolean;
}

/** gRPC status by the name that retry_on uses. */
const grpcConditions: Readonly<Record<string, string>> = {
  cancelled: "1",
  "deadline-exceeded": "4",
  "resource-exhausted": "8",
  internal: "13",
  unavailable: "14",
};

/** Compiles a route's retry policy; undefined when it never retries. */
export function compileRetryPolicy(
  message: RetryMessage | undefined,
  where: string,
): RetryPolicy | undefined {
  const retries = message?.numRetries ?? 1;
  if (message === undefined || message.retryOn === "" || retries === 0) return undefined;
  const conditions = new Set(message.retryOn.split(",").map((condition) => condition.trim()));
  const codes = new Set(message.retriableStatusCodes);
  // retry_on may name status codes themselves, as Istio's retryOn does.
  for (const condition of conditions) if (/^[1-5][0-9][0-9]$/.test(condition)) codes.add(Number(condition));
  const grpc = new Set(
    [...conditions].flatMap((condition) =>
      grpcConditions[condition] === undefined ? [] : [grpcConditions[condition]],
    ),
  );
  const base = milliseconds(message.retryBackOff?.baseInterval) ?? 25;
  const tests = message.retriableHeaders.map((matcher) => compileHeaderMatch(matcher, where));
  const has = (condition: string) => conditions.has(condition);
  return {
    retries,
    perTryTimeout: milliseconds(message.perTryTimeout) ?? 0,
    backOff: base,
    maxBackOff: milliseconds(message.retryBackOff?.maxInterval) ?? base * 10,
    avoidsTried: message.retryHostPredicate.some(({ name }) => name.endsWith("previous_hosts")),
    hostAttempts: Math.max(1, Number(message.hostSelectionRetryMaxAttempts)),
    retriesStatus(status, headers) {
      if (status >= 500 && has("5xx")) return true;
      if (status >= 502 && status <= 504 && has("gateway-error")) return true;
      if (status === 409 && has("retriable-4xx")) return true;
      if ((has("retriable-status-codes") || codes.size > 0) && codes.has(status)) return true;
      if (tests.length > 0 && has("retriable-headers") && fits(tests, headers)) return true;
      return grpc.size > 0 && grpc.has(header(headers, "grpc-status") ?? "");
    },
    retriesReset(reason, beforeHeaders) {
      if (reason === "overflow") return false;
      if (has("5xx") || has("gateway-error") || has("reset")) return true;
      if (reason === "remote refused stream reset" && has("refused-stream")) return true;
      if (isConnectFailure(reason) && has("connect-failure")) return true;
      return beforeHeaders && has("reset-before-request");
    },
  };
}

function isConnectFailure(reason: ResetReason): boolean {
  return (
    reason === "remote connection failure" ||
    reason === "local connection failure" ||
    reason === "connection timeout"
  );
}

/** Header matchers are written for requests; a response is looked at as one without pseudo headers. */
function fits(tests: readonly RequestTest[], headers: Headers): boolean {
  const head = {
    method: "",
    path: "",
    authority: "",
    hasHost: true,
    scheme: "",
    headers,
    version: "HTTP/1.1",
    upgrade: undefined,
    contentLength: undefined,
  } as const;
  return tests.some((test) => test({ ...head }));
}
