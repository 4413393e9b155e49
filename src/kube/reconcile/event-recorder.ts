import { randomInt } from "node:crypto";
import type { Clock, Logger } from "../../base/index.ts";
import { isApiError } from "../api-error.ts";
import type { KubeClient } from "../client.ts";
import { kinds } from "../kinds.ts";
import type { KubeObject } from "../object.ts";

/** One thing that happened to an object, for people to read. */
export interface ObjectEvent {
  readonly type: "Normal" | "Warning";
  /** A CamelCase word, as Kubernetes' own controllers give. */
  readonly reason: string;
  readonly message: string;
}

/**
 * Writes core/v1 Events in the background. Never fails and never waits: an event that can't be written is dropped.
 *
 * The same event again raises the count of the one that is there. After ten different messages of one reason
 * on one object, less than ten minutes apart, they are combined into one event; and one object gets 25 events at once, then one in five
 * minutes. So whatever repeats costs neither memory nor storage.
 */
export interface EventRecorder {
  /** `component` names the controller as Kubernetes does, for example "replicaset-controller". */
  record(component: string, object: KubeObject, event: ObjectEvent): void;
  /** Resolves when nothing waits to be written. */
  idle(): Promise<void>;
}

interface Entry {
  readonly component: string;
  readonly object: KubeObject;
  readonly event: ObjectEvent;
  readonly name: string;
  readonly firstTime: number;
  lastTime: number;
  count: number;
  isStored: boolean;
}

interface Budget {
  tokens: number;
  since: number;
}

const mostEntries = 4096;
const mostWaiting = 1024;
const similarMessages = 10;
const similarWithin = 600_000;
const burst = 25;
const tokenEvery = 300_000;

export function createEventRecorder(options: {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): EventRecorder {
  const { client, clock, log, signal } = options;
  const entries = new Map<string, Entry>();
  const messages = new Map<string, { readonly known: Set<string>; lastTime: number }>();
  const budgets = new Map<string, Budget>();
  const waiting = new Set<Entry>();
  let writing: Promise<void> | undefined;
  // Another recorder may tell of the same object in the same millisecond.
  let serial = randomInt(1_000_000);

  const isAllowed = (key: string) => {
    const now = clock.now();
    const budget = budgets.get(key) ?? { tokens: burst, since: now };
    const earned = Math.floor((now - budget.since) / tokenEvery);
    budget.tokens = Math.min(burst, budget.tokens + earned);
    budget.since += earned * tokenEvery;
    putNewest(budgets, key, budget);
    if (budget.tokens === 0) return false;
    budget.tokens--;
    return true;
  };
  /** The message itself, or the combined one when this reason has had too many different ones. */
  const combine = (key: string, message: string) => {
    const now = clock.now();
    const recent = messages.get(key);
    const isFresh = recent !== undefined && now - recent.lastTime < similarWithin;
    const { known } = isFresh ? recent : { known: new Set<string>() };
    putNewest(messages, key, { known, lastTime: now });
    if (known.has(message)) return message;
    if (known.size >= similarMessages) return `(combined from similar events): ${message}`;
    known.add(message);
    return message;
  };
  const write = async (entry: Entry) => {
    try {
      if (entry.isStored) {
        const patch = { count: entry.count, lastTimestamp: time(entry.lastTime) };
        await client.patch(kinds.events, entry.name, patch, {
          type: "merge",
          namespace: eventNamespace(entry.object),
        });
      } else {
        await client.create(kinds.events, eventObject(entry));
        entry.isStored = true;
      }
    } catch (reason) {
      // Expired on the server, or its namespace is going: the next one starts afresh.
      if (isApiError(reason, 404)) entry.isStored = false;
      log.debug({ event: entry.event.reason, reason: String(reason) }, "event not written");
    }
  };
  const writeAll = async () => {
    await new Promise((resolve) => setImmediate(resolve)); // The objects' own writes first.
    for (const entry of waiting) {
      waiting.delete(entry);
      if (!signal.aborted) await write(entry);
    }
    writing = undefined;
  };

  return {
    record(component, object, event) {
      const { uid = object.metadata.name } = object.metadata;
      const about = `${component}/${uid}`;
      if (signal.aborted || waiting.size >= mostWaiting || !isAllowed(about)) return;
      const similar = `${about}/${event.type}/${event.reason}`;
      const message = combine(similar, event.message.slice(0, 1024));
      const isCombined = message !== event.message.slice(0, 1024);
      const id = isCombined ? `${similar}/combined` : `${similar}/${message}`;
      const now = clock.now();
      const entry: Entry = entries.get(id) ?? {
        component,
        object,
        event: { ...event, message },
        name: `${object.metadata.name.slice(0, 230)}.${eventSuffix(now, serial++)}`,
        firstTime: now,
        lastTime: now,
        count: 0,
        isStored: false,
      };
      entry.count++;
      entry.lastTime = now;
      putNewest(entries, id, entry);
      waiting.add(entry);
      writing ??= writeAll();
    },
    async idle() {
      while (writing !== undefined) await writing;
    },
  };
}

/** Sets the entry as the newest and forgets the oldest beyond the limit. */
function putNewest<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= mostEntries) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

function eventObject({ component, object, event, name, firstTime, lastTime, count }: Entry): KubeObject {
  const { name: objectName, namespace, uid, resourceVersion } = object.metadata;
  const { apiVersion, kind } = object;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: eventNamespace(object) },
    involvedObject: { apiVersion, kind, name: objectName, namespace, uid, resourceVersion },
    reason: event.reason,
    message: event.message,
    type: event.type,
    source: { component },
    firstTimestamp: time(firstTime),
    lastTimestamp: time(lastTime),
    count,
    reportingComponent: component,
    reportingInstance: "",
  };
}

/** Events about objects without a namespace stand in "default". */
function eventNamespace(object: KubeObject): string {
  return object.metadata.namespace ?? "default";
}

/** Nanoseconds in hexadecimal, as Kubernetes names events; the serial number keeps two of one millisecond apart. */
function eventSuffix(now: number, serial: number): string {
  return (BigInt(now) * 1_000_000n + BigInt(serial % 1_000_000)).toString(16);
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}
