import type { ApiRequest, ApiResponse, ApiTransport } from "../../kube/index.ts";
import type { User } from "../contracts.ts";
import { statusOf } from "../status.ts";
import type { Answer, Call, WatchStream } from "./call.ts";

/** A way into `handle` without sockets: requests and answers are JSON values. */
export function inProcessTransport(
  user: User,
  parts: { readonly stopped: AbortSignal; handle(call: Call): Answer | Promise<Answer> },
): ApiTransport {
  return {
    async send(request, signal) {
      parts.stopped.throwIfAborted();
      signal?.throwIfAborted();
      try {
        return responseOf(await parts.handle(callOf(request, user, signal, parts.stopped)));
      } catch (reason) {
        if (signal?.aborted === true) throw reason;
        const status = statusOf(reason);
        return { status: status.code, headers: { "content-type": "application/json" }, body: status };
      }
    },
  };
}

function callOf(
  request: ApiRequest,
  user: User,
  signal: AbortSignal | undefined,
  stopped: AbortSignal,
): Call {
  const { method, path, query, headers, body } = request;
  return {
    method,
    path,
    query,
    headers: headers["user-agent"] === undefined ? { ...headers, "user-agent": user.name } : headers,
    user,
    async readBody() {
      if (body === undefined) return { kind: "none" };
      if (body instanceof Uint8Array) return { kind: "bytes", bytes: Buffer.from(body) };
      return typeof body === "string"
        ? { kind: "bytes", bytes: Buffer.from(body) }
        : { kind: "value", value: body };
    },
    get signal() {
      return signal === undefined ? stopped : AbortSignal.any([signal, stopped]);
    },
    warn() {},
  };
}

function responseOf(answer: Answer): ApiResponse {
  const headers = { "content-type": "application/json" };
  switch (answer.kind) {
    case "json":
      return { status: answer.status, headers: { ...headers, ...answer.headers }, body: answer.body };
    case "list": {
      const { apiVersion, listKind, metadata, items } = answer;
      return { status: 200, headers, body: { kind: listKind, apiVersion, metadata, items } };
    }
    case "text":
      return { status: answer.status, headers: answer.headers, body: parsed(answer) };
    case "watch":
      return { status: 200, headers, events: eventsOf(answer.watch) };
    case "stream":
      return { status: answer.status, headers: answer.headers, chunks: answer.chunks };
  }
}

function parsed({
  body,
  headers,
}: {
  body: string | Uint8Array;
  headers: Readonly<Record<string, string>>;
}): unknown {
  const isJson = headers["content-type"]?.startsWith("application/json") === true;
  return isJson && typeof body === "string" && body !== "" ? JSON.parse(body) : body;
}

async function* eventsOf(watch: WatchStream): AsyncIterable<unknown> {
  let wake = () => {};
  watch.onReady(() => wake());
  try {
    for (;;) {
      for (let event = watch.next(); event !== undefined; event = watch.next()) yield event;
      if (watch.ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        // Something may have come between the last look and now.
        if (watch.ended) resolve();
      });
    }
  } finally {
    watch.stop();
  }
}
