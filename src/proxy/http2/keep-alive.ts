import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { KeepaliveSettings } from "../../xds/gen/envoy/config/core/v3/protocol_pb.js";
import { milliseconds } from "../config/wire.ts";

/** How a connection's peer is asked whether it is still there. All in milliseconds. */
export interface PingRules {
  readonly interval: number;
  /** Most that is added to each interval, by chance. */
  readonly jitter: number;
  /** How long the answer, or any other byte, may take. */
  readonly timeout: number;
}

/** Reads HTTP/2's connection_keepalive, with Envoy's defaults; undefined where it sends nothing. */
export function compilePings(settings: KeepaliveSettings | undefined): PingRules | undefined {
  const interval = milliseconds(settings?.interval) ?? 0;
  const timeout = milliseconds(settings?.timeout) ?? 0;
  if (interval <= 0 || timeout <= 0) return undefined;
  return { interval, jitter: (interval * (settings?.intervalJitter?.value ?? 15)) / 100, timeout };
}

/**
 * Sends a PING every interval. `onDead` is called once, when `socket` brought nothing for the timeout after one. The
 * returned function stops.
 */
export function sendPings(
  session: ClientHttp2Session,
  socket: Socket,
  { interval, jitter, timeout }: PingRules,
  after: (delay: number, action: () => void) => () => void,
  onDead: () => void,
): () => void {
  let cancel = () => {};
  let stopped = false;
  const pause = () => {
    cancel = after(interval + Math.random() * jitter, ping);
  };
  const ping = () => {
    if (stopped || session.destroyed) return;
    expectBytes(socket.bytesRead);
    session.ping((failure) => {
      if (stopped || failure !== null) return;
      cancel();
      pause();
    });
  };
  const expectBytes = (received: number) => {
    cancel = after(timeout, () => {
      if (stopped) return;
      // Something long may be before the answer: the peer lives as long as it sends.
      if (socket.bytesRead > received) return expectBytes(socket.bytesRead);
      stopped = true;
      onDead();
    });
  };
  pause();
  return () => {
    stopped = true;
    cancel();
  };
}
