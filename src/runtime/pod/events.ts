import type { Clock, Logger } from "../../base/index.ts";
import { isApiError, type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";

export type EventType = "Normal" | "Warning";

/** Tells users what happens to pods, as `kubectl describe` and `kubectl get events` show it. Never fails. */
export interface EventRecorder {
  /** The same event of the same object is counted instead of repeated. `container` names the part of a pod. */
  record(
    object: KubeObject,
    type: EventType,
    reason: string,
    message: string,
    container?: {
      readonly name: string;
      readonly list: "containers" | "initContainers" | "ephemeralContainers";
    },
  ): void;
}

/** More than these wait only when the API is away; then the newest are dropped. */
const longestQueue = 500;

/** Events that are counted up when they come again. */
const remembered = 1000;

/** The longest message that Kubernetes takes. */
const longestMessage = 1024;

interface Known {
  readonly name: string;
  count: number;
}

export function createEventRecorder(options: {
  readonly client: KubeClient;
  /** "kubelet" */
  readonly component: string;
  readonly clock: Clock;
  readonly log: Logger;
}): EventRecorder {
  const { client, component, clock, log } = options;
  const queue: (() => Promise<void>)[] = [];
  const known = new Map<string, Known>();
  let isSending = false;
  let serial = 0;

  const send = async () => {
    isSending = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await next().catch((reason: unknown) => log.debug({ reason: String(reason) }, "event not recorded"));
    }
    isSending = false;
  };
  const create = async (event: KubeObject, id: string) => {
    known.delete(id);
    known.set(id, { name: event.metadata.name, count: 1 });
    for (const oldest of known.keys()) {
      if (known.size <= remembered) break;
      known.delete(oldest);
    }
    await client.create(kinds.events, event);
  };

  return {
    record(object, type, reason, message, container) {
      if (queue.length >= longestQueue) return;
      const { name, namespace = "default", uid, resourceVersion } = object.metadata;
      const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
      const text = message.slice(0, longestMessage);
      const fieldPath = container && `spec.${container.list}{${container.name}}`;
      const node =
        object.kind === "Node" ? name : (object["spec"] as { nodeName?: string } | undefined)?.nodeName;
      const id = JSON.stringify([uid ?? name, type, reason, text, fieldPath]);
      const suffix = `${clock.now().toString(16)}${(serial++).toString(16).padStart(4, "0")}`;
      const event: KubeObject = {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: `${name}.${suffix}`, namespace },
        involvedObject: {
          apiVersion: object.apiVersion,
          kind: object.kind,
          name,
          ...(object.metadata.namespace === undefined ? {} : { namespace }),
          ...(uid === undefined ? {} : { uid }),
          ...(resourceVersion === undefined || object.kind === "Node" ? {} : { resourceVersion }),
          ...(fieldPath === undefined ? {} : { fieldPath }),
        },
        reason,
        message: text,
        source: { component, ...(node === undefined ? {} : { host: node }) },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
        type,
        reportingComponent: component,
        reportingInstance: node ?? "",
      };
      queue.push(async () => {
        const before = known.get(id);
        if (before === undefined) return create(event, id);
        before.count++;
        const patch = { count: before.count, lastTimestamp: time };
        try {
          await client.patch(kinds.events, before.name, patch, { type: "merge", namespace });
        } catch (reason) {
          if (!isApiError(reason, 404)) throw reason;
          await create(event, id);
        }
      });
      if (!isSending) void send();
    },
  };
}
