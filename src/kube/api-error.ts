import type { Status } from "./object.ts";

/** A request that the API server answered with an error Status. `message` is the server's own text. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: Status;

  constructor(status: Status) {
    super(status.message ?? status.reason ?? `status ${status.code}`);
    this.status = status;
  }

  get code(): number {
    return this.status.code;
  }
}

/** Whether `reason` is an answer with this HTTP code: 404 not found, 409 conflict, 410 gone … */
export function isApiError(reason: unknown, code?: number): reason is ApiError {
  return reason instanceof ApiError && (code === undefined || reason.code === code);
}
