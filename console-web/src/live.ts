import { useEffect, useRef, useSyncExternalStore } from "react";
import type { ApiFailure } from "../../src/console/api.ts";

/** What is known of one resource of the API. */
export interface Live<T> {
  /** What it said last; undefined before its first answer. */
  readonly body?: T;
  /** Why it could not be read the last time. `body` is older then. */
  readonly failure?: ApiFailure;
}

/** How the page stands with the engine. */
export interface Connection {
  readonly state: "connecting" | "live" | "paused" | "lost" | "refused";
  /** When it was live last, in milliseconds since 1970. */
  readonly since: number;
}

interface Entry {
  value: Live<unknown>;
  watchers: number;
}

const empty: Live<never> = {};
const entries = new Map<string, Entry>();
const listeners = new Set<() => void>();
let connection: Connection = { state: "connecting", since: Date.now() };
let stream: EventSource | undefined;
let streamed = "";
let scheduled = false;

function tell(): void {
  for (const listener of listeners) listener();
}

function setConnection(state: Connection["state"]): void {
  if (state === connection.state) return;
  connection = { state, since: Date.now() };
  tell();
}

/** Opens one stream for everything that is watched now, when that has changed. */
function reopen(): void {
  scheduled = false;
  if (connection.state === "paused") return;
  const targets = [...entries].filter(([, { watchers }]) => watchers > 0).map(([target]) => target);
  const url = `/api/events?${targets.map((target) => `watch=${encodeURIComponent(target)}`).join("&")}`;
  if (url === streamed && stream !== undefined && stream.readyState !== EventSource.CLOSED) return;
  stream?.close();
  stream = undefined;
  streamed = url;
  if (targets.length === 0) return;
  const opened = new EventSource(url);
  stream = opened;
  opened.addEventListener("open", () => setConnection("live"));
  opened.addEventListener("update", (event: MessageEvent<string>) => {
    const { target, body, error } = JSON.parse(event.data) as {
      target: string;
      body?: unknown;
      error?: ApiFailure;
    };
    const entry = entries.get(target);
    if (entry === undefined) return;
    entry.value = error === undefined ? { body } : { ...entry.value, failure: error };
    tell();
  });
  opened.addEventListener("error", () => {
    if (opened !== stream) return;
    if (opened.readyState !== EventSource.CLOSED) return setConnection("lost");
    // The server answered, but not with a stream: it does not know this page.
    void fetch("/api/events").then(
      ({ status }) => {
        if (status === 401 || status === 403) setConnection("refused");
        else retryLater();
      },
      () => retryLater(),
    );
  });
}

function retryLater(): void {
  setConnection("lost");
  setTimeout(() => {
    streamed = "";
    reopen();
  }, 1000);
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(reopen);
}

function watch(target: string): () => void {
  const entry = entries.get(target) ?? { value: empty, watchers: 0 };
  entries.set(target, entry);
  entry.watchers++;
  schedule();
  return () => {
    entry.watchers--;
    schedule();
    // Kept for a while: whoever comes back sees what there was.
    if (entries.size > 40)
      for (const [other, { watchers }] of entries) if (watchers === 0) entries.delete(other);
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * A resource of the API, kept up to date while the component is there. When `target` changes, the old body stays until
 * the new one comes, so that a page never falls back to nothing. Undefined watches nothing.
 */
export function useLive<T>(target: string | undefined): Live<T> {
  useEffect(() => (target === undefined ? undefined : watch(target)), [target]);
  const value = useSyncExternalStore(subscribe, () =>
    target === undefined ? empty : (entries.get(target)?.value ?? empty),
  ) as Live<T>;
  const last = useRef<Live<T>>(value);
  if (value.body !== undefined || value.failure !== undefined) last.current = value;
  return value.body === undefined && last.current.body !== undefined
    ? { ...last.current, ...(value.failure === undefined ? {} : { failure: value.failure }) }
    : value;
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection);
}

/** Stops or resumes all updates: what is shown stands still. */
export function setPaused(paused: boolean): void {
  if (paused) {
    stream?.close();
    stream = undefined;
    streamed = "";
    setConnection("paused");
  } else if (connection.state === "paused") {
    setConnection("connecting");
    schedule();
  }
}

/** A call that does something. Rejects with an ApiFailure. */
export async function call<T>(path: string, body: unknown = {}): Promise<T> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw { code: "engine/not-running", message: "the engine does not answer" } satisfies ApiFailure;
  });
  const answer = (await response.json()) as T | ApiFailure;
  if (!response.ok) throw answer;
  return answer as T;
}

/** The failure that was thrown, whatever it was. */
export function failureOf(reason: unknown): ApiFailure {
  if (typeof reason === "object" && reason !== null && "message" in reason) return reason as ApiFailure;
  return { code: "internal", message: String(reason) };
}
