import type { HttpAnswer } from "../serve-http.ts";

/** A request that can't be answered, as OpenAI's API says so. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(
    status: number,
    message: string,
    about: { readonly param?: string; readonly code?: string } = {},
  ) {
    super(message);
    this.status = status;
    this.param = about.param ?? null;
    this.code = about.code ?? null;
  }
}

/** The body of OpenAI's errors: `{"error": {message, type, param, code}}`. */
export function failureAnswer({ status, message, param, code }: ApiFailure): HttpAnswer {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  return jsonAnswer({ error: { message, type, param, code } }, status);
}

export function jsonAnswer(value: unknown, status = 200): HttpAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
