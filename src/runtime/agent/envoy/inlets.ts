import type { Socket } from "node:net";
import type { Logger, Stop } from "../../../base/index.ts";
import { plainAddress } from "../../network/addresses.ts";
import type { ProxyStartOptions } from "../contracts.ts";
import { spliceInto } from "./splice.ts";

/** Ports of the pod that lead to Envoy's listeners: a gateway's, and those a Sidecar binds. */
export interface Inlets {
  /** From now on `listener` is reached by `port` and found at the unix socket `path`. */
  open(listener: string, port: number, path: string): void;
  close(listener: string): void;
  /** Resolves when all that was opened so far is bound. */
  bound(): Promise<void>;
  /** Closes all; nothing is opened any more. */
  stop(): Promise<void>;
}

interface Inlet {
  readonly port: number;
  path: string;
  readonly listening: Promise<Stop | undefined>;
}

/**
 * Binds ports in Envoy's place: so the pod's network decides who gets in, and ports that this user may not bind are
 * found where the network says.
 */
export function createInlets(
  network: Pick<ProxyStartOptions["network"], "address" | "listen">,
  log: Logger,
  onConnection: (socket: Socket) => void,
): Inlets {
  const inlets = new Map<string, Inlet>();
  /** Bindings and their ends in order: a port must be free again before its next listener binds it. */
  let turn: Promise<unknown> = Promise.resolve();

  let isStopped = false;

  const close = (listener: string) => {
    const inlet = inlets.get(listener);
    if (inlet === undefined) return;
    inlets.delete(listener);
    turn = turn.then(async () => (await inlet.listening)?.());
  };
  const bind = (listener: string, port: number, inlet: { readonly path: string }) =>
    network
      .listen(port, (socket) => {
        onConnection(socket);
        const source = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
        spliceInto(inlet.path, socket, source, { address: network.address, port });
      })
      .catch((reason: unknown) => {
        log.error({ listener, port, reason: String(reason) }, "the listener's port can't be bound");
        return undefined;
      });
  return {
    open(listener, port, path) {
      if (isStopped) return;
      const before = inlets.get(listener);
      if (before?.port === port) {
        before.path = path;
        return;
      }
      close(listener);
      const place = { path };
      const listening = turn.then(() => bind(listener, port, place));
      turn = listening;
      inlets.set(listener, Object.assign(place, { port, listening }));
    },
    close,
    async bound() {
      await turn;
    },
    async stop() {
      isStopped = true;
      for (const name of [...inlets.keys()]) close(name);
      await turn;
    },
  };
}
