import { type Clock, createRetry, IsthmusError, pause } from "../base/index.ts";
import type { ApiRequest, ApiResponse, ApiTransport } from "./transport.ts";

export interface PatienceOptions {
  readonly clock: Clock;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
  /** Most milliseconds until an answer comes; watches may take as long as they like. Default 30 s. */
  readonly timeout?: number;
  /** Tries in all. Default 4. */
  readonly attempts?: number;
}

/** Answers of servers and of balancers before them that may be others in a moment. */
const passing = new Set([429, 500, 502, 503, 504]);
/** Most milliseconds that a Retry-After is followed. */
const mostDelay = 10_000;
const plainTimeout = 30_000;

/**
 * A transport that tries again what may be sent twice (reads, server-side applies, deletions) when the server is busy, away for
 * a moment or does not answer in time, with growing waits. Anything else, and the last try, goes through as it comes.
 */
export function createPatientTransport(transport: ApiTransport, options: PatienceOptions): ApiTransport {
  const { clock, attempts = 4 } = options;
  return {
    async send(request, signal) {
      const isWatch = ["true", "1"].includes(request.query.get("watch") ?? "") || request.inChunks === true;
      const ends = signal === undefined ? options.signal : AbortSignal.any([options.signal, signal]);
      const retry = createRetry(clock, { first: 200, most: 3000 });
      for (let attempt = 1; ; attempt++) {
        ends.throwIfAborted();
        const isLast = attempt >= attempts || isWatch || !mayBeSentTwice(request);
        try {
          const response = await sendOnce(transport, request, isWatch ? undefined : options.timeout, ends);
          if (isLast || !(isPassing(response) || isRace(request, response))) return response;
          const delay = Number(response.headers["retry-after"]) * 1000;
          if (delay > 0) await pause(clock, Math.min(delay, mostDelay), ends);
          else await retry.wait(ends);
        } catch (reason) {
          const isAway = reason instanceof IsthmusError && reason.code === "cluster/unreachable";
          if (ends.aborted || isLast || !isAway || isRefused(reason)) throw reason;
          await retry.wait(ends);
        }
      }
    },
  };
}

async function sendOnce(
  transport: ApiTransport,
  request: ApiRequest,
  timeout: number | undefined = plainTimeout,
  ends: AbortSignal,
): Promise<ApiResponse> {
  if (request.query.has("watch") || request.inChunks === true) return transport.send(request, ends);
  const late = AbortSignal.timeout(timeout);
  try {
    return await transport.send(request, AbortSignal.any([ends, late]));
  } catch (reason) {
    if (ends.aborted || !late.aborted) throw reason;
    throw new IsthmusError(
      "cluster/unreachable",
      `${request.method} ${request.path} got no answer within ${Math.round(timeout / 1000)} s`,
      { cause: reason, nextStep: "Is the API server overloaded, or something between that drops packets?" },
    );
  }
}

function mayBeSentTwice({ method, headers }: ApiRequest): boolean {
  if (method === "GET" || method === "DELETE") return true;
  return method === "PATCH" && headers["content-type"] === "application/apply-patch+yaml";
}

/** What a webhook's absence answers is not of the server: whoever writes tells of it while it waits. */
function isPassing({ status, body }: ApiResponse): boolean {
  if (!passing.has(status)) return false;
  const { message = "" } = (body ?? {}) as { readonly message?: string };
  return !/failed calling webhook/.test(message);
}

/** An apply that met another write; not one that would take fields of others. */
function isRace({ method }: ApiRequest, { status, body }: ApiResponse): boolean {
  const { details } = (body ?? {}) as {
    readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
  };
  const isOwned = details?.causes?.some(({ reason }) => reason === "FieldManagerConflict") === true;
  return method === "PATCH" && status === 409 && !isOwned;
}

/** Nothing listens there, or the name is not known: that is no hiccup. */
function isRefused({ cause }: IsthmusError): boolean {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  return (
    ["ECONNREFUSED", "ENOTFOUND"].includes(code) || /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code)
  );
}
