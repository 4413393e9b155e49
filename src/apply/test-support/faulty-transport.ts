import { IsthmusError } from "../../base/index.ts";
import type { ApiRequest, ApiResponse, ApiTransport } from "../../kube/index.ts";

/** What goes wrong with a request. */
export type Fault =
  /** The server answers with an error of its own. */
  | "500"
  | "503"
  /** Another write came first. */
  | "409"
  /** The credentials were revoked. */
  | "401"
  /** The connection breaks before the request arrives, or with the answer on its way. */
  | "reset before"
  | "reset after"
  /** No answer ever comes. */
  | "silence";

export interface FaultyTransport extends ApiTransport {
  /** Requests so far. */
  readonly count: number;
  /** Lets the request of that number, or all from it on, fail; undefined: none. Counts anew. */
  fail(plan: { readonly at: number; readonly fault: Fault; readonly forGood: boolean } | undefined): void;
}

/** A way to an API server on which requests fail as they are told to. */
export function createFaultyTransport(inner: ApiTransport): FaultyTransport {
  let count = 0;
  let plan: Parameters<FaultyTransport["fail"]>[0];
  return {
    get count() {
      return count;
    },
    fail(next) {
      plan = next;
      count = 0;
    },
    async send(request, signal) {
      const index = count++;
      const isHit = plan !== undefined && (plan.forGood ? index >= plan.at : index === plan.at);
      if (!isHit || plan === undefined) return inner.send(request, signal);
      return failing(plan.fault, inner, request, signal);
    },
  };
}

async function failing(
  fault: Fault,
  inner: ApiTransport,
  request: ApiRequest,
  signal: AbortSignal | undefined,
): Promise<ApiResponse> {
  switch (fault) {
    case "500":
    case "503":
    case "401":
      return answer(Number(fault), `told to answer ${fault}`);
    case "409":
      return answer(409, "Operation cannot be fulfilled: the object has been modified");
    case "reset after":
      await inner.send(request, signal);
      throw reset();
    case "reset before":
      throw reset();
    case "silence":
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
  }
}

function answer(status: number, message: string): ApiResponse {
  const body = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: status, message };
  return { status, headers: {}, body };
}

function reset(): IsthmusError {
  const cause = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
  return new IsthmusError("cluster/unreachable", "it closed the connection", { cause });
}
