import type { Headers } from "../http/headers.ts";
import { dropHeader, header, setHeader } from "../http/headers.ts";
import type { Route } from "./route.ts";
import type { Direction } from "./runtime.ts";

const name = "x-envoy-decorator-operation";

/**
 * With tracing, a proxy on the way out tells the next one what its route calls the operation; one on the way in takes
 * that over, or tells the caller in its answer. Returns what the answer has to tell.
 */
export function passOperation(
  headers: Headers,
  route: Route | undefined,
  direction: Direction,
): string | undefined {
  if (direction !== "inbound") {
    if (route?.operation !== undefined) setHeader(headers, name, route.operation);
    return undefined;
  }
  if (header(headers, name) === undefined) return route?.operation;
  dropHeader(headers, name);
  return undefined;
}

/** The same for an answer's headers: on the way out, what the next proxy told ends here. */
export function answerOperation(headers: Headers, operation: string | undefined, direction: Direction): void {
  if (direction !== "inbound") dropHeader(headers, name);
  else if (operation !== undefined) setHeader(headers, name, operation);
}
