import type { Socket } from "node:net";
import type { Clock } from "../../base/index.ts";
import type { Destination, Interceptor } from "../contracts.ts";

/** Interception that is there before the proxy is, as iptables rules are. */
export interface HoldingInterceptor extends Interceptor {
  /** From now on, and for those that wait, connections go to `sidecar`. */
  open(sidecar: Interceptor): void;
  /** From now on connections are reset: a pod that lost its sidecar must not talk past it. */
  close(): void;
}

/** Most connections that wait for the proxy. */
const mostWaiting = 1000;

/** Connections wait up to `patienceMs` for the proxy and are reset then. */
export function createHoldingInterceptor(
  clock: Clock,
  patienceMs: number,
  answer: NonNullable<Interceptor["answer"]>,
): HoldingInterceptor {
  const waiting = new Map<Socket, (sidecar: Interceptor | undefined) => void>();
  let sidecar: Interceptor | undefined;
  let isClosed = false;

  const release = (to: Interceptor | undefined) => {
    for (const go of [...waiting.values()]) go(to);
  };
  const accept =
    (direction: "acceptOutbound" | "acceptInbound") => (socket: Socket, original: Destination) => {
      if (sidecar !== undefined) return sidecar[direction](socket, original);
      if (isClosed || waiting.size >= mostWaiting) return drop(socket);
      const onError = () => {};
      const go = (to: Interceptor | undefined) => {
        cancel();
        waiting.delete(socket);
        socket.off("error", onError);
        if (socket.destroyed) return;
        if (to === undefined) drop(socket);
        else to[direction](socket, original);
      };
      const cancel = clock.after(patienceMs, () => go(undefined));
      const onClose = () => go(undefined);
      socket.on("error", onError);
      socket.once("close", onClose);
      waiting.set(socket, go);
    };
  return {
    acceptOutbound: accept("acceptOutbound"),
    acceptInbound: accept("acceptInbound"),
    answer,
    open(next) {
      sidecar = next;
      release(next);
    },
    close() {
      isClosed = true;
      sidecar = undefined;
      release(undefined);
    },
  };
}

function drop(socket: Socket): void {
  socket.on("error", () => {});
  socket.resetAndDestroy();
}
