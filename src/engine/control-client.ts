import { type ErrorCode, errorCodes, IsthmusError } from "../base/index.ts";
import { notRunning, type StateFolder } from "./state-folder.ts";

/** Calls the engine that runs from a state folder. */
export interface ControlClient {
  call<T>(name: string, body?: unknown, signal?: AbortSignal): Promise<T>;
}

/** A client for the engine of `folder`. engine/not-running when there is none. */
export function connectEngine(folder: StateFolder): ControlClient {
  const address = folder.engineAddress;
  if (address === undefined) throw notRunning(folder.path);
  return {
    async call<T>(name: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
      let response: Response;
      try {
        response = await fetch(`http://127.0.0.1:${address.port}/${name}`, {
          method: "POST",
          headers: { authorization: `Bearer ${address.token}`, "content-type": "application/json" },
          body: JSON.stringify(body),
          ...(signal === undefined ? {} : { signal }),
        });
      } catch (reason) {
        if (signal?.aborted === true) throw reason;
        throw notRunning(folder.path);
      }
      const answer: unknown = await response.json();
      if (response.ok) return answer as T;
      // Another program may have taken the port of an engine that died.
      if (response.status === 401) throw notRunning(folder.path);
      throw failureOf(answer);
    },
  };
}

function failureOf(answer: unknown): IsthmusError {
  const { code, message, nextStep } = answer as { code?: string; message?: string; nextStep?: string };
  const known: ErrorCode =
    code !== undefined && Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "internal";
  return new IsthmusError(known, message ?? "the engine failed", nextStep === undefined ? {} : { nextStep });
}
