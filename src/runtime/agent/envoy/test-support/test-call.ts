import { createSignal, waitFor } from "../../../../base/index.ts";
import type { GrpcCall, GrpcError } from "../../../../xds/index.ts";

/** One end of a gRPC stream, played by a test: as a server's call, and as a client's stream. */
export interface TestCall extends GrpcCall {
  /** Gives the other side a message. */
  receive(message: Uint8Array): void;
  /** The next message that the other side sent. */
  sent(): Promise<Uint8Array>;
  /** How many messages `sent` has not given yet. */
  unread(): number;
  /** Ends the stream from the test's side, with a failure when given. */
  finish(failure?: GrpcError): void;
  readonly isEnded: boolean;
}

export function createTestCall(): TestCall {
  const incoming: Uint8Array[] = [];
  const outgoing: Uint8Array[] = [];
  const changes = createSignal();
  const abort = new AbortController();
  let end: { readonly failure: GrpcError | undefined } | undefined;
  let isEnded = false;
  const soon = () => AbortSignal.timeout(30_000);
  return {
    metadata: {},
    signal: abort.signal,
    peerAddress: "",
    peerIdentities: [],
    messages: (async function* () {
      for (;;) {
        const next = await waitFor(() => incoming.shift() ?? end, { changes, signal: soon() });
        if (next instanceof Uint8Array) yield next;
        else if (next.failure !== undefined) throw next.failure;
        else return;
      }
    })(),
    send(message) {
      outgoing.push(message);
      changes.notify();
      return true;
    },
    drained: async () => {},
    end() {
      isEnded = true;
      changes.notify();
    },
    receive(message) {
      incoming.push(message);
      changes.notify();
    },
    sent: () => waitFor(() => outgoing.shift(), { changes, signal: soon() }),
    unread: () => outgoing.length,
    finish(failure) {
      end = { failure };
      if (failure === undefined) abort.abort();
      changes.notify();
    },
    get isEnded() {
      return isEnded;
    },
  };
}
