import type { EventEmitter } from "node:events";

/**
 * The processor time of one proxy, of the many that share this process: that of what the events of its sockets set off
 * before they return, within a fifth of what a proxy in a process of its own uses under load. What the runtime does
 * before an event (reading, handshakes) nobody can assign, nor the little that timers and configuration take.
 */
export interface CpuMeter {
  /** From now on, what `socket` sets off counts. */
  watch(socket: EventEmitter): void;
  /** Milliseconds since the meter was made. */
  time(): number;
}

interface Account {
  time: number;
}

/** Whose account runs now, and since when. Handlers can set off events of other proxies' sockets before they return. */
let running: Account | undefined;
let since = 0;

const accounts = new WeakMap<EventEmitter, Account>();

export function createCpuMeter(): CpuMeter {
  const account: Account = { time: 0 };
  return {
    watch: (socket) => assign(socket, account),
    time: () => account.time,
  };
}

/** Counts `wrapping`, made around `wrapped` for TLS, to the same proxy. */
export function watchLike(wrapped: EventEmitter, wrapping: EventEmitter): void {
  const account = accounts.get(wrapped);
  if (account !== undefined) assign(wrapping, account);
}

function assign(socket: EventEmitter, account: Account): void {
  if (accounts.has(socket)) return;
  accounts.set(socket, account);
  const { emit } = socket;
  // One thread: while a handler runs nothing else does, so what passes by the clock is processor time.
  socket.emit = function (this: EventEmitter, ...event) {
    const before = switchTo(account);
    try {
      return emit.apply(this, event);
    } finally {
      switchTo(before);
    }
  };
}

/** Closes the running account, opens another, and gives the one that was closed. */
function switchTo(next: Account | undefined): Account | undefined {
  const before = running;
  if (before === next) return before;
  const now = performance.now();
  if (before !== undefined) before.time += now - since;
  running = next;
  since = now;
  return before;
}
