import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { refusal } from "./authorization/refusal.ts";
import { attributesOf, type HandlerParts } from "./handler.ts";
import type { Call } from "./http/call.ts";
import { requestTarget } from "./http/request-target.ts";
import { badRequest, unknownPath } from "./status.ts";
import { handleExec, handlePortForward } from "./streams/index.ts";
import { containerOf } from "./subresources/logs.ts";
import { proxyUpgrade } from "./subresources/proxy-upgrade.ts";
import { found } from "./verbs/read.ts";

/**
 * Leads connections that want to be something else than HTTP to where they belong: exec, attach and port-forward
 * of pods, and upgrades behind a proxy path. Throws Status errors as long as nothing was written.
 */
export function createUpgradeHandler(parts: HandlerParts) {
  return async (call: Call, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const requested = requestTarget(call.path);
    const attributes = attributesOf(call, requested);
    if (!parts.authorizer.authorize(call.user, attributes).allowed) throw refusal(call.user, attributes);
    if (requested.kind !== "resource") throw unknownPath();
    const { group, version, plural, namespace, name, subresource } = requested;
    const type = parts.context.registry.find(group, version, plural);
    if (type === undefined || !type.subresources.some((part) => part.name === subresource))
      throw unknownPath();
    const target = { type, namespace, name, subresource };
    if (subresource === "proxy") return proxyUpgrade(parts, call, target, requested.rest ?? "", socket, head);

    const pod = found(parts.context, target);
    const podName = { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name };
    const { pods } = parts;
    switch (subresource) {
      case "exec": {
        const container = containerOf(pod, call.query.get("container") ?? "");
        const command = call.query.getAll("command");
        if (command.length === 0) throw badRequest("you must specify at least 1 command for the container");
        return handleExec(request, socket, head, {
          run: (streams, signal) => pods.exec(podName, container, command, streams, signal),
        });
      }
      case "attach": {
        const container = containerOf(pod, call.query.get("container") ?? "");
        return handleExec(request, socket, head, {
          run: (streams, signal) => pods.attach(podName, container, streams, signal),
        });
      }
      case "portforward":
        return handlePortForward(request, socket, head, {
          connect: (port) => pods.portForward(podName, port),
        });
      default:
        throw badRequest(`${plural}/${subresource} cannot be upgraded`);
    }
  };
}
