import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import type { Clock } from "../../base/index.ts";
import type { Destination } from "../contracts.ts";
import { isLoopback } from "./addresses.ts";

/** Why a connection attempt fails, as the kernel would name it. */
export type ConnectFailure = "ETIMEDOUT" | "ECONNREFUSED" | "EHOSTUNREACH";

const errno: Readonly<Record<ConnectFailure, number>> = {
  ETIMEDOUT: -110,
  ECONNREFUSED: -111,
  EHOSTUNREACH: -113,
};

/** The error that net.Socket emits when connecting to `to` fails. */
export function connectError(code: ConnectFailure, to: Destination): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`connect ${code} ${to.address}:${to.port}`);
  return Object.assign(error, {
    code,
    errno: errno[code],
    syscall: "connect",
    address: to.address,
    port: to.port,
  });
}

/** Connects from `localAddress`, or from where the kernel likes when the destination is not on loopback. */
export function connectFrom(localAddress: string | undefined, to: Destination): Socket {
  const options: TcpNetConnectOpts = { host: to.address, port: to.port, noDelay: true };
  if (localAddress !== undefined && isLoopback(to.address)) options.localAddress = localAddress;
  return connect(options);
}

/**
 * A socket that is connecting until `ready` calls back: with nothing, and it connects to `via`; with a failure, and
 * it fails as if `to` had. No packet is sent before. It may be destroyed earlier; what comes then is dropped.
 */
export function connectLater(
  to: Destination,
  via: Destination,
  ready: (done: (failure?: ConnectFailure) => void) => void,
): Socket {
  // Node waits for the lookup of a name before it sends anything; the name itself is never looked up.
  const options: TcpNetConnectOpts = {
    host: "waiting.invalid",
    port: via.port,
    noDelay: true,
    autoSelectFamily: false,
    lookup(_host, _options, callback) {
      ready((failure) => {
        if (failure === undefined) callback(null, via.address, 4);
        else callback(connectError(failure, to), "", 4);
      });
    },
  };
  return connect(options);
}

/** A socket that stays connecting for `delay` milliseconds and then fails, without a packet sent. */
export function failingSocket(to: Destination, code: ConnectFailure, clock: Clock, delay: number): Socket {
  let cancel = () => {};
  const socket = connectLater(to, to, (done) => {
    if (delay === 0) setImmediate(() => done(code));
    else cancel = clock.after(delay, () => done(code));
  });
  socket.once("close", () => cancel());
  return socket;
}

/** Leads bytes both ways between two sockets until both directions have ended; a failure of one resets the other. */
export function joinSockets(a: Socket, b: Socket): void {
  a.allowHalfOpen = true;
  b.allowHalfOpen = true;
  a.setNoDelay(true);
  b.setNoDelay(true);
  const follow = (one: Socket, other: Socket) => {
    one.on("error", () => reset(other));
    // What was read before an orderly end is still on its way through `other`.
    one.once("close", () => (one.readableEnded ? other.destroySoon() : other.destroy()));
  };
  follow(a, b);
  follow(b, a);
  a.pipe(b);
  b.pipe(a);
}

/** Ends a connection with a reset, so that the peer sees an error and not an orderly end. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // A socket that has not connected has nothing to reset, and unix sockets (without a remote address) know no reset.
  if (socket.connecting || socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
