import type { Logger } from "../base/index.ts";
import { ownFrames } from "./own-frames.ts";

/** Lines about faults of one part within a minute; further ones are counted. */
const mostLines = 20;
const period = 60_000;

/**
 * Parts whose faults mean that what was acknowledged may not be what is stored. Everything else answers for
 * itself: one request, one connection, one object went wrong, and the rest is as it was.
 */
const stateParts = ["src/apiserver/storage/", "src/apiserver/change-log/"] as const;

/**
 * Keeps the process up when something threw where nobody listens (a promise without a handler, an event without a
 * listener): logs it with the part that it comes from. Only a fault of the storage itself is told to `broken`, since
 * going on could then lose data. The returned function takes the guard away.
 */
export function guardProcess(options: { readonly log: Logger; broken(): void }): () => void {
  const { log, broken } = options;
  const said = new Map<string, { since: number; count: number }>();
  const isQuiet = (part: string): boolean => {
    const now = Date.now();
    const known = said.get(part);
    if (known === undefined || now - known.since > period) {
      if (known !== undefined && known.count > mostLines)
        log.error({ part, count: known.count - mostLines }, "more faults of this part were not written down");
      said.set(part, { since: now, count: 1 });
      return false;
    }
    known.count++;
    return known.count > mostLines;
  };
  const onFault = (reason: unknown) => {
    const stack = reason instanceof Error ? (reason.stack ?? "") : "";
    const frames = ownFrames(stack);
    const [inner = "", caller] = frames;
    // What base offers is called by all: its caller is the one to name.
    const part = partOf(inner.startsWith("src/base/") ? (caller ?? inner) : inner);
    const isBroken = stateParts.some((folder) => inner.startsWith(folder));
    if (!isQuiet(part) || isBroken) {
      const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
      log.error(
        { part, reason: text, at: frames.slice(0, 10) },
        isBroken
          ? "the storage failed, the mesh is ending"
          : "a fault that nobody caught; everything else goes on",
      );
    }
    if (isBroken) broken();
  };
  process.on("uncaughtException", onFault);
  process.on("unhandledRejection", onFault);
  return () => {
    process.off("uncaughtException", onFault);
    process.off("unhandledRejection", onFault);
  };
}

/** "proxy" of "src/proxy/cluster/cluster.ts:148:65"; "unknown" when nothing of ours is on the stack. */
function partOf(frame: string): string {
  return /^src\/([^/]+)\//.exec(frame)?.[1] ?? "unknown";
}
