import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type Clock, IsthmusError } from "../../base/index.ts";

/** Reads one resource of the API by its path and query. */
export type ReadResource = (target: string) => Promise<unknown>;

/** Pages' one stream of server-sent events, over any of the API's resources. */
export interface LiveResources {
  /**
   * Streams `targets` to `response` until it closes: each at once, and again whenever it has changed. The events are
   * called "update" and carry {target, body} or {target, error}.
   */
  stream(response: ServerResponse, targets: readonly string[]): void;
  stop(): void;
}

interface Watched {
  readonly target: string;
  readonly streams: Set<ServerResponse>;
  /** The last event, and the digest by which the next is known to be another. */
  event?: { readonly text: string; readonly digest: string };
  isReading: boolean;
  cancel?: () => void;
}

const mostStreams = 64;
const mostTargets = 16;
/** A page that takes no more than this misses updates until it has caught up. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** `every`: milliseconds from the end of one reading of a resource to the next. Nothing is read that nobody watches. */
export function createLiveResources(options: {
  readonly read: ReadResource;
  readonly clock: Clock;
  readonly every?: number;
}): LiveResources {
  const { read, clock, every = 1500 } = options;
  const watched = new Map<string, Watched>();
  /** Open streams, each with what it missed while it took no more. */
  const open = new Map<ServerResponse, Set<Watched>>();
  let stopped = false;

  const send = (response: ServerResponse, one: Watched) => {
    if (response.destroyed || one.event === undefined) return;
    if (response.writableLength > mostWaitingBytes) open.get(response)?.add(one);
    else response.write(one.event.text);
  };

  const refresh = async (one: Watched): Promise<void> => {
    if (one.isReading || stopped) return;
    one.isReading = true;
    const body = await read(one.target).then(
      (value) => JSON.stringify({ target: one.target, body: value }),
      (reason: unknown) => JSON.stringify({ target: one.target, error: errorBody(reason) }),
    );
    one.isReading = false;
    const digest = createHash("sha256").update(body).digest("base64url");
    if (one.event?.digest !== digest) {
      one.event = { text: `event: update\ndata: ${body}\n\n`, digest };
      for (const stream of one.streams) send(stream, one);
    }
    if (one.streams.size > 0 && !stopped) one.cancel = clock.after(every, () => void refresh(one));
    else watched.delete(one.target);
  };

  const leave = (one: Watched, response: ServerResponse) => {
    one.streams.delete(response);
    if (one.streams.size > 0 || one.isReading) return;
    one.cancel?.();
    watched.delete(one.target);
  };

  return {
    stream(response, targets) {
      if (open.size >= mostStreams || targets.length > mostTargets)
        throw new IsthmusError("console/refused", `a console serves ${mostStreams} pages at most`, {
          nextStep: "Close some of them.",
        });
      const missed = new Set<Watched>();
      open.set(response, missed);
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      response.write("retry: 1000\n\n");
      const own = [...new Set(targets)].map((target) => {
        const one = watched.get(target) ?? { target, streams: new Set(), isReading: false };
        watched.set(target, one);
        one.streams.add(response);
        if (one.event !== undefined) send(response, one);
        else void refresh(one);
        return one;
      });
      // What it missed while it was slow, it gets in its last form.
      response.on("drain", () => {
        const late = [...missed];
        missed.clear();
        for (const one of late) send(response, one);
      });
      response.on("close", () => {
        open.delete(response);
        for (const one of own) leave(one, response);
      });
    },
    stop() {
      stopped = true;
      for (const one of watched.values()) one.cancel?.();
      for (const response of open.keys()) response.destroy();
    },
  };
}

/** A failure as the API answers it. */
export function errorBody(reason: unknown): {
  readonly code: string;
  readonly message: string;
  readonly nextStep?: string;
} {
  const { code, message, nextStep } = IsthmusError.from(reason);
  return { code, message, ...(nextStep === undefined ? {} : { nextStep }) };
}
