import { apiVersionOf, type KubeObject } from "../../kube/index.ts";
import type { Answer, Call, OutgoingEvent, WatchStream } from "../http/call.ts";
import { expired, statusOf, versionTooLarge } from "../status.ts";
import { inVersion } from "../storage/in-version.ts";
import { jsonText } from "../storage/json-text.ts";
import type { Change } from "../storage/resource-store.ts";
import type { Context, Target } from "./context.ts";
import { formOf, inForm } from "./present.ts";
import { numberOf } from "./read.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** Events that may wait for one watcher. One that is further behind must list anew, as Kubernetes demands. */
const mostWaiting = 10_000;
/**
 * How much text may wait for one watcher, and after how many events it is counted: a watcher that is hardly behind
 * costs nothing to look after, and large objects must not pile up by the thousand.
 */
const mostWaitingText = 32 * 1024 * 1024;
const countedAfter = 256;
/** Milliseconds between bookmarks, which tell a quiet watch how far it has come. */
const bookmarkEvery = 60_000;
/** Kubernetes ends a watch that names no timeout after 30 to 60 minutes. */
const shortestWatch = 30 * 60_000;

/** The annotation by which a client knows that it has seen everything there was at the start. */
const initialEventsEnd = "k8s.io/initial-events-end";

/** Answers a watch of a collection: changes after a version, or the present objects and then changes. */
export function watch(context: Context, call: Call, target: Target): Answer {
  const { type } = target;
  const form = formOf(call);
  const selection = selectionOf(type, call.query);
  const asked = call.query.get("resourceVersion") ?? "";
  const version = numberOf(call.query, "resourceVersion");
  const sendInitial = call.query.get("sendInitialEvents") === "true";
  const wantsBookmarks = call.query.get("allowWatchBookmarks") === "true";
  const fromPresent = sendInitial || asked === "" || asked === "0";
  if (version > context.store.version) throw versionTooLarge(version, context.store.version);

  const events = fromPresent
    ? presentEvents(context, target, selection, sendInitial)
    : pastEvents(context, target, selection, version);
  const stream = createStream(context, target, selection, {
    events,
    wantsBookmarks,
    timeout: numberOf(call.query, "timeoutSeconds") * 1000,
    signal: call.signal,
    show: (event) =>
      event.type === "ERROR"
        ? event
        : { type: event.type, object: inForm(context, call, type, form, event.object as KubeObject) },
  });
  return { kind: "watch", watch: stream };
}

function belongs({ namespace }: Target, object: KubeObject): boolean {
  return namespace === undefined || object.metadata.namespace === namespace;
}

function presentEvents(
  context: Context,
  target: Target,
  selection: Selection,
  marksEnd: boolean,
): OutgoingEvent[] {
  const { type, namespace } = target;
  const events: OutgoingEvent[] = [];
  for (const object of context.store.resource(type.storedAs).list(namespace))
    if (selection.matches(object)) events.push({ type: "ADDED", object: inVersion(type, object) });
  if (marksEnd) events.push(bookmark(context, target, { [initialEventsEnd]: "true" }));
  return events;
}

function pastEvents(
  context: Context,
  target: Target,
  selection: Selection,
  version: number,
): OutgoingEvent[] {
  const changes = context.store.resource(target.type.storedAs).changesAfter(version);
  // Before the headers are out Kubernetes still answers 200 and sends the error as the first event.
  if (changes === undefined)
    return [
      {
        type: "ERROR",
        object: statusOf(expired(`too old resource version: ${version} (${context.store.version})`)),
      },
    ];
  return changes.flatMap((change) => visible(target, selection, change) ?? []);
}

/** How a change looks to a watcher that sees only what its selection matches. */
function visible(target: Target, selection: Selection, change: Change): OutgoingEvent | undefined {
  const { object, previous, type } = change;
  if (!belongs(target, object)) return undefined;
  const shown = () => inVersion(target.type, object);
  if (selection.all) return { type, object: shown() };
  const matches = type !== "DELETED" && selection.matches(object);
  const matched = previous !== undefined && selection.matches(previous);
  if (matches) return { type: matched ? "MODIFIED" : "ADDED", object: shown() };
  if (!matched) return undefined;
  // The watcher last saw the old state; it leaves with the version of the change that took it out.
  if (type === "DELETED") return { type, object: shown() };
  const metadata = { ...previous.metadata, resourceVersion: object.metadata.resourceVersion ?? "" };
  return { type: "DELETED", object: { ...inVersion(target.type, previous), metadata } };
}

function bookmark(
  context: Context,
  { type }: Target,
  annotations?: Readonly<Record<string, string>>,
): OutgoingEvent {
  const metadata = {
    resourceVersion: String(context.store.version),
    creationTimestamp: null,
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { type: "BOOKMARK", object: { kind: type.kind, apiVersion: apiVersionOf(type), metadata } };
}

interface StreamParts {
  readonly events: OutgoingEvent[];
  readonly wantsBookmarks: boolean;
  readonly timeout: number;
  readonly signal: AbortSignal;
  show(event: OutgoingEvent): OutgoingEvent;
}

function createStream(
  context: Context,
  target: Target,
  selection: Selection,
  parts: StreamParts,
): WatchStream {
  let waiting = parts.events;
  let read = 0;
  /** Text of the events that wait, by event as far as it was counted, and of all. */
  const sizes = new WeakMap<OutgoingEvent, number>();
  let waitingText = 0;
  let isOver = false;
  let ready = () => {};
  const cancels: (() => void)[] = [];

  const stop = () => {
    isOver = true;
    for (const cancel of cancels.splice(0)) cancel();
    parts.signal.removeEventListener("abort", onAbort);
  };
  const onAbort = () => {
    stop();
    ready();
  };
  const push = (event: OutgoingEvent) => {
    waiting.push(event);
    if (waiting.length - read > countedAfter) {
      const size = jsonText(event.object).length;
      sizes.set(event, size);
      waitingText += size;
    }
    ready();
  };
  const initially = waiting.length;
  if (waiting[0]?.type === "ERROR") isOver = true;
  else {
    cancels.push(
      context.store.resource(target.type.storedAs).subscribe((change) => {
        const event = visible(target, selection, change);
        if (event === undefined) return;
        if (waiting.length - read > mostWaiting + initially || waitingText > mostWaitingText) {
          stop();
          waitingText = 0;
          waiting = [
            { type: "ERROR", object: statusOf(expired("The watch fell too far behind; list again.")) },
          ];
          read = 0;
          ready();
        } else push(event);
      }),
      context.clock.after(parts.timeout > 0 ? parts.timeout : shortestWatch * (1 + Math.random()), () => {
        stop();
        ready();
      }),
    );
    if (parts.wantsBookmarks) {
      const later = () => {
        const cancel = context.clock.after(bookmarkEvery, () => {
          cancels.splice(cancels.indexOf(cancel), 1);
          push(bookmark(context, target));
          later();
        });
        cancels.push(cancel);
      };
      later();
    }
    if (parts.signal.aborted) stop();
    else parts.signal.addEventListener("abort", onAbort, { once: true });
  }

  return {
    next() {
      const event = waiting[read];
      if (event === undefined) {
        if (read > 0) {
          waiting = [];
          read = 0;
        }
        return undefined;
      }
      read++;
      waitingText -= sizes.get(event) ?? 0;
      return parts.show(event);
    },
    get ended() {
      return isOver && read >= waiting.length;
    },
    onReady(listener) {
      ready = listener;
    },
    stop,
  };
}
