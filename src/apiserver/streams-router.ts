import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { refusal } from "./authorization/refusal.ts";
import { attributesOf, type HandlerParts } from "./handler.ts";
import type { Call } from "./http/call.ts";
import { requestTarget } from "./http/request-target.ts";
import { badRequest, unknownPath } from "./status.ts";

/** Leads upgraded connections (exec, attach, port-forward) to the streams. Throws Status errors before it writes. */
export function createUpgradeHandler(parts: HandlerParts) {
  return async (call: Call, _request: IncomingMessage, _socket: Duplex, _head: Buffer): Promise<void> => {
    const target = requestTarget(call.path);
    const attributes = attributesOf(call, target);
    if (!parts.authorizer.authorize(call.user, attributes).allowed) throw refusal(call.user, attributes);
    if (target.kind !== "resource") throw unknownPath();
    throw badRequest("this path cannot be upgraded");
  };
}
