import { type Headers, header } from "../http/headers.ts";
import type { ForwardAction } from "./route.ts";

/** How long a request and each try of it may take, milliseconds; 0: without limit. */
export interface RequestTimeouts {
  readonly whole: number;
  readonly perTry: number;
}

export function requestTimeouts(action: ForwardAction, headers: Headers): RequestTimeouts {
  const whole = wholeTimeout(action, headers);
  const perTry = action.retry?.perTryTimeout ?? 0;
  // A try that may take as long as all of them together needs no limit of its own.
  return { whole, perTry: whole > 0 && perTry >= whole ? 0 : perTry };
}

/** What upstreams are told: how long the try that begins after `elapsed` milliseconds will be waited for. */
export function expectedTimeout({ whole, perTry }: RequestTimeouts, elapsed: number): number {
  if (whole === 0) return perTry;
  const left = Math.max(1, Math.floor(whole - elapsed));
  return perTry === 0 ? left : Math.min(perTry, left);
}

/** The time limit of a request: what a gRPC client asks for where the route allows it, else the route's. */
function wholeTimeout(action: ForwardAction, headers: Headers): number {
  if (action.grpcTimeoutMax === undefined) return action.timeout;
  const asked = grpcTimeout(header(headers, "grpc-timeout"));
  if (asked === undefined) return action.timeout;
  return action.grpcTimeoutMax === 0 ? asked : Math.min(asked, action.grpcTimeoutMax);
}

const grpcUnits: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

function grpcTimeout(text: string | undefined): number | undefined {
  const match = text === undefined ? null : /^([0-9]{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Math.ceil(Number(match[1]) * (grpcUnits[match[2] ?? ""] ?? 1));
}
