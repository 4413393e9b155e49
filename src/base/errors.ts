/**
 * Every way isthmus can fail for a reason outside its own code. `exit` is the exit code of the command;
 * docs/errors.md explains each and a test keeps the two lists equal.
 */
export const errorCodes = {
  "arguments/wrong": { exit: 3, http: 400 },
  "mesh/wrong": { exit: 3, http: 400 },
  "mesh/not-found": { exit: 3, http: 404 },
  "trust/different-roots": { exit: 3, http: 400 },
  "trust/key-mismatch": { exit: 3, http: 400 },
  "trust/missing-file": { exit: 3, http: 400 },
  "trust/expired": { exit: 3, http: 400 },
  "trust/not-signed-by-root": { exit: 3, http: 400 },
  "trust/unreadable": { exit: 3, http: 400 },
  "trust/not-issued": { exit: 1, http: 504 },
  "trust/exists": { exit: 1, http: 409 },
  "trust/root-key-missing": { exit: 1, http: 409 },
  "trust/rotation-under-way": { exit: 1, http: 409 },
  "trust/rotation-timed-out": { exit: 1, http: 504 },
  "engine/not-running": { exit: 1, http: 503 },
  "engine/already-running": { exit: 1, http: 409 },
  "engine/state-format": { exit: 1, http: 409 },
  "engine/node-too-old": { exit: 1, http: 500 },
  "engine/no-address-block": { exit: 1, http: 503 },
  "engine/too-little-memory": { exit: 1, http: 503 },
  "engine/start-timed-out": { exit: 1, http: 504 },
  "engine/stop-timed-out": { exit: 1, http: 504 },
  "engine/interrupted": { exit: 1, http: 499 },
  "cluster/unknown": { exit: 3, http: 404 },
  "cluster/stopped": { exit: 1, http: 409 },
  "cluster/unreachable": { exit: 1, http: 503 },
  "cluster/forbidden": { exit: 1, http: 403 },
  "cluster/loopback-address": { exit: 3, http: 400 },
  "apply/conflict": { exit: 1, http: 409 },
  "apply/timed-out": { exit: 1, http: 504 },
  "apply/blocked": { exit: 1, http: 409 },
  "apply/not-confirmed": { exit: 1, http: 409 },
  "manifest/refused": { exit: 1, http: 422 },
  "peering/refused": { exit: 1, http: 409 },
  "peering/not-established": { exit: 1, http: 504 },
  "workload/not-found": { exit: 1, http: 404 },
  "gateway/no-address": { exit: 1, http: 504 },
  "query/wrong": { exit: 3, http: 400 },
  "verify/failed": { exit: 1, http: 500 },
  "console/unauthorized": { exit: 1, http: 401 },
  "console/refused": { exit: 1, http: 403 },
  "console/changed": { exit: 1, http: 409 },
  "console/no-such-page": { exit: 1, http: 404 },
  "tool/missing": { exit: 1, http: 500 },
  "tool/failed": { exit: 1, http: 500 },
  internal: { exit: 70, http: 500 },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** A failure with a stable code, a message that names the thing it happened to, and what to do next. */
export class IsthmusError extends Error {
  override readonly name = "IsthmusError";
  readonly code: ErrorCode;
  /** What the user can do. Shown under the message. */
  readonly nextStep: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; nextStep?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.nextStep = options.nextStep;
  }

  /** Returns an IsthmusError as it is, and anything else as "internal" with the original as cause. */
  static from(reason: unknown): IsthmusError {
    if (reason instanceof IsthmusError) return reason;
    const message = reason instanceof Error ? reason.message : String(reason);
    return new IsthmusError("internal", message, { cause: reason });
  }
}
