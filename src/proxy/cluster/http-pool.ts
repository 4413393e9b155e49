import type { RequestHead, ResetReason, ResponseSink, UpstreamStream } from "../http/codec.ts";
import { createHttp1Client } from "../http1/client-connection.ts";
import { createHttp2Client } from "../http2/client-connection.ts";
import { connectHost, type Dialler, type Established } from "./connect.ts";
import type { Host } from "./host.ts";

/** A connection of a pool, of either HTTP version. */
export interface PooledConnection {
  start(head: RequestHead, end: boolean, sink: ResponseSink): UpstreamStream;
  /** How many more exchanges it can take now. */
  readonly spare: number;
  readonly localAddress: string;
  /** SPIFFE ids of the host and of ourselves; undefined on plain text. */
  readonly peer: string | undefined;
  readonly own: string | undefined;
  readonly http2: boolean;
  close(): void;
  /** Closes once nothing runs on it. */
  drain(): void;
}

/** Who waits for a connection. */
export interface Waiter {
  ready(connection: PooledConnection): void;
  failed(reason: ResetReason, detail: string): void;
}

export interface PoolLimits {
  /** Whether one more connection may be made, and one more request may wait, under the circuit breakers. */
  mayConnect(): boolean;
  mayWait(): boolean;
}

export interface PoolSettings {
  readonly protocol: "http1" | "http2" | "alpn";
  readonly alpn: readonly string[] | undefined;
  readonly sni: string | undefined;
}

/** The HTTP connections to one host under one set of transport settings. */
export interface HttpPool {
  /**
   * Gives `waiter` a connection: at once when one is free, else when a new one stands. The returned function
   * gives up waiting.
   */
  acquire(waiter: Waiter): (() => void) | undefined;
  /** Closes free connections now and busy ones when they are done; no new ones. */
  drain(): void;
  readonly isEmpty: boolean;
}

export function createHttpPool(
  dialler: Dialler,
  host: Host,
  settings: PoolSettings,
  limits: PoolLimits,
  onEmpty: () => void,
): HttpPool {
  const { stats, config } = dialler;
  const connections = new Set<PooledConnection>();
  /** Connections with room, the last used on top: it is the warmest, and the others can age and close. */
  const free: PooledConnection[] = [];
  const waiters: Waiter[] = [];
  const connecting = new Set<() => void>();
  let draining = false;

  return {
    acquire(waiter) {
      for (let top = free.at(-1); top !== undefined; top = free.at(-1)) {
        if (top.spare > 0) {
          if (top.spare === 1) free.pop();
          waiter.ready(top);
          return undefined;
        }
        free.pop();
      }
      if (!limits.mayWait()) {
        stats.upstream_rq_pending_overflow++;
        waiter.failed("overflow", "");
        return undefined;
      }
      waiters.push(waiter);
      stats.upstream_rq_pending_total++;
      stats.upstream_rq_pending_active++;
      // One HTTP/2 connection will carry all that wait.
      if (settings.protocol !== "http2" || connecting.size === 0) connect();
      return () => {
        const at = waiters.indexOf(waiter);
        if (at < 0) return;
        waiters.splice(at, 1);
        stats.upstream_rq_pending_active--;
      };
    },
    drain() {
      draining = true;
      free.length = 0;
      for (const connection of [...connections]) connection.drain();
    },
    get isEmpty() {
      return connections.size === 0 && connecting.size === 0 && waiters.length === 0;
    },
  };

  function connect() {
    if (!limits.mayConnect()) {
      stats.upstream_cx_overflow++;
      // Something is running: the waiter gets its connection when it is done. A pool without any makes one in spite
      // of the limit, as Envoy does, or those who wait here would wait for ever.
      if (connections.size + connecting.size > 0) return;
    }
    let cancel: () => void = () => {};
    cancel = connectHost(dialler, host, settings.alpn, settings.sni, {
      connected(established) {
        connecting.delete(cancel);
        adopt(established);
      },
      failed(reason, detail) {
        connecting.delete(cancel);
        failAll(reason, detail);
        if (connections.size === 0 && connecting.size === 0) onEmpty();
      },
    });
    connecting.add(cancel);
  }

  function failAll(reason: ResetReason, detail: string) {
    for (const waiter of waiters.splice(0)) {
      stats.upstream_rq_pending_active--;
      stats.upstream_rq_pending_failure_eject++;
      waiter.failed(reason, detail);
    }
  }

  function adopt({ socket, alpn, peer, own }: Established) {
    const http2 = settings.protocol === "http2" || (settings.protocol === "alpn" && alpn === "h2");
    if (http2) stats.upstream_cx_http2_total++;
    else stats.upstream_cx_http1_total++;
    const localAddress = `${socket.localAddress ?? ""}:${socket.localPort ?? 0}`;
    let cancelIdle = () => {};
    let cancelDuration = () => {};
    let closing = false;
    let used = 0;
    const owner = {
      free() {
        if (closing || draining || host.removed) {
          if (client.active === 0) client.close();
          return;
        }
        if (client.active === 0) armIdle();
        if (serveWaiters(connection)) return;
        // An HTTP/1 connection that was busy is never in the list.
        if (connection.spare > 0 && !(http2 && free.includes(connection))) free.push(connection);
      },
      silent() {
        stats.http2_keepalive_timeout++;
      },
      closed() {
        cancelIdle();
        cancelDuration();
        connections.delete(connection);
        const at = free.indexOf(connection);
        if (at >= 0) free.splice(at, 1);
        if (waiters.length > connecting.size && !draining) connect();
        if (connections.size === 0 && connecting.size === 0) onEmpty();
      },
    };
    const client = http2
      ? createHttp2Client(socket, owner, config.pings, dialler.after)
      : wrapHttp1(socket, owner);
    const connection: PooledConnection = {
      http2,
      localAddress,
      peer,
      own,
      get spare() {
        if (closing || (config.maxRequestsPerConnection > 0 && used >= config.maxRequestsPerConnection))
          return 0;
        return client.spare;
      },
      start(head, end, sink) {
        used++;
        cancelIdle();
        if (config.maxRequestsPerConnection > 0 && used >= config.maxRequestsPerConnection) closing = true;
        return client.start(head, end, sink);
      },
      close: () => client.close(),
      drain() {
        closing = true;
        if (client.active === 0) client.close();
      },
    };
    connections.add(connection);
    if (config.maxConnectionDuration > 0) {
      cancelDuration = dialler.after(config.maxConnectionDuration, connection.drain);
    }
    const armIdle = () => {
      cancelIdle();
      // 0 switches the timeout off.
      if (config.idleTimeout > 0) {
        cancelIdle = dialler.after(config.idleTimeout, () => {
          if (client.active === 0) client.close();
        });
      }
    };
    if (draining) {
      client.close();
      return;
    }
    serveWaiters(connection);
    if (connection.spare > 0 && connections.has(connection)) {
      free.push(connection);
      if (client.active === 0) armIdle();
    }
  }

  /** Hands the connection to those who wait, as long as it has room. True when it is full now. */
  function serveWaiters(connection: PooledConnection): boolean {
    while (waiters.length > 0 && connection.spare > 0) {
      const waiter = waiters.shift();
      stats.upstream_rq_pending_active--;
      waiter?.ready(connection);
    }
    return connection.spare === 0;
  }
}

interface Client {
  start(head: RequestHead, end: boolean, sink: ResponseSink): UpstreamStream;
  readonly spare: number;
  readonly active: number;
  close(): void;
}

function wrapHttp1(...args: Parameters<typeof createHttp1Client>): Client {
  const client = createHttp1Client(...args);
  return {
    start: client.start,
    get spare() {
      return client.busy ? 0 : 1;
    },
    get active() {
      return client.busy ? 1 : 0;
    },
    close: client.close,
  };
}
