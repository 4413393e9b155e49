import type { Cluster } from "../cluster/cluster.ts";
import type { Host } from "../cluster/host.ts";
import type { ResponseSink } from "../http/codec.ts";
import { beginTry, countAnswer, countFailure, endTry } from "./upstream.ts";

/**
 * For a request whose answer nobody reads: the try begins, what comes of it is counted, and `ended` is told once. `finish`
 * ends it before an answer came.
 */
export function dropAnswer(
  cluster: Cluster,
  host: Host,
  ended: () => void = () => {},
): { readonly sink: ResponseSink; finish(): void } {
  let isOver = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    endTry(cluster, host);
    ended();
  };
  beginTry(cluster, host);
  const sink: ResponseSink = {
    informational() {},
    head(answer, end) {
      countAnswer(cluster, host, answer);
      if (end) finish();
    },
    data(_chunk, end) {
      if (end) finish();
    },
    trailers: finish,
    flush() {},
    reset(reason) {
      if (!isOver) countFailure(cluster, host, reason);
      finish();
    },
    drained() {},
  };
  return { sink, finish };
}
