import type { X509Certificate } from "node:crypto";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { GrpcError, grpcStatus } from "../../xds/index.ts";
import type { Destination, PodNetwork } from "../contracts.ts";

/** Sessions with istiod: one per address, opened when needed and shared by everything that talks to it. */
export interface ControlPlane {
  /** A session that is open. Rejects with GrpcError (unavailable) when istiod can't be reached or trusted. */
  session(to: Destination): Promise<ClientHttp2Session>;
  /**
   * Tells `listener` the serving certificate of every session with `to` that is opened from now on. A server that asks
   * for a new connection (GOAWAY) is called again at once, so one whose certificate has changed can make it known.
   */
  onServer(to: Destination, listener: (certificate: X509Certificate) => void): void;
  close(): void;
}

/** Under this name istiod's certificate is checked when its address is no name. */
const usualName = "istiod.istio-system.svc";
/** Connecting and the TLS handshake together, milliseconds. */
const patience = 10_000;
/** A first configuration of a large mesh is megabytes; HTTP/2's own windows of 64 KB would slow it down. */
const window = 4 * 1024 * 1024;

/** `roots` gives the PEM of the roots that istiod's certificate must lead to, asked anew for each connection. */
export function createControlPlane(network: PodNetwork, roots: () => Promise<string>): ControlPlane {
  const sessions = new Map<string, Promise<ClientHttp2Session>>();
  const listeners = new Map<string, ((certificate: X509Certificate) => void)[]>();
  let isClosed = false;

  const open = async (to: Destination, forget: () => void): Promise<ClientHttp2Session> => {
    const ca = await roots();
    const [address] = isIP(to.address) === 0 ? await network.resolve(to.address) : [to.address];
    if (address === undefined) throw new Error(`could not resolve host: ${to.address}`);
    const servername = isIP(to.address) === 0 ? to.address : usualName;
    const socket = connectTls({
      socket: network.dial({ address, port: to.port }),
      ca,
      servername,
      ALPNProtocols: ["h2"],
      minVersion: "TLSv1.2",
    });
    await secured(socket);
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined) for (const tell of listeners.get(idOf(to)) ?? []) tell(certificate);
    const session = connectHttp2(`https://${servername}`, {
      createConnection: () => socket,
      maxSessionMemory: 256,
      settings: { initialWindowSize: window, enablePush: false },
    });
    session.on("error", () => {}); // Streams and "close" tell it to those concerned.
    session.once("close", forget);
    session.once("goaway", () => {
      forget();
      // One that is ending may not answer; whoever needs it next tries again.
      if (!isClosed) start(to).catch(() => {});
    });
    session.once("connect", () => session.setLocalWindowSize(window));
    return session;
  };

  const start = (to: Destination): Promise<ClientHttp2Session> => {
    const id = idOf(to);
    const known = sessions.get(id);
    if (known !== undefined) return known;
    const forget = () => {
      if (sessions.get(id) === started) sessions.delete(id);
    };
    const started: Promise<ClientHttp2Session> = open(to, forget).catch((reason: unknown) => {
      forget();
      const text = reason instanceof Error ? reason.message : String(reason);
      throw new GrpcError(grpcStatus.unavailable, `${id}: ${text}`);
    });
    sessions.set(id, started);
    return started;
  };

  return {
    session(to) {
      if (isClosed) return Promise.reject(new GrpcError(grpcStatus.unavailable, "the agent has stopped"));
      return start(to);
    },
    onServer(to, listener) {
      listeners.set(idOf(to), [...(listeners.get(idOf(to)) ?? []), listener]);
    },
    close() {
      isClosed = true;
      for (const session of sessions.values()) session.then((one) => one.destroy()).catch(() => {});
      sessions.clear();
    },
  };
}

function idOf({ address, port }: Destination): string {
  return `${address}:${port}`;
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: Error) => {
      socket.destroy();
      reject(reason);
    };
    socket.setTimeout(patience, () => fail(new Error("no TLS session within 10 s")));
    socket.once("error", fail);
    socket.once("close", () => reject(new Error("the connection was closed during the handshake")));
    socket.once("secureConnect", () => {
      socket.setTimeout(0);
      socket.off("error", fail);
      if (socket.alpnProtocol !== "h2") return fail(new Error("the server does not speak HTTP/2"));
      resolve();
    });
  });
}
