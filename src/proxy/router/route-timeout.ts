import { type Headers, header } from "../http/headers.ts";
import type { ForwardAction } from "./route.ts";

/** The time limit of a request: what a gRPC client asks for where the route allows it, else the route's. */
export function routeTimeout(action: ForwardAction, headers: Headers): number {
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
