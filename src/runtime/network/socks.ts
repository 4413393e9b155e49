import type { Socket } from "node:net";
import { handBack, type Outbound } from "./outbound.ts";
import { joinSockets } from "./sockets.ts";

const noAuthentication = 0;
const reply = {
  succeeded: 0,
  generalFailure: 1,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

/**
 * Serves one SOCKS5 connection (RFC 1928): no authentication, CONNECT only, names resolved here. The connection
 * itself is then given to the sidecar, or joined to the destination.
 */
export function serveSocks(socket: Socket, first: Buffer, outbound: Outbound): void {
  let bytes = first;
  let step: "greeting" | "request" = "greeting";
  const refuse = (code: number) => {
    socket.end(answer(code));
  };
  const onData = (chunk: Buffer) => {
    socket.pause();
    bytes = Buffer.concat([bytes, chunk]);
    advance();
  };
  /** Either waits for more bytes, or ends the reading for good. */
  const advance = () => {
    if (step === "greeting") {
      if (bytes.length < 2 || bytes.length < 2 + (bytes[1] ?? 0)) return void socket.resume();
      const methods = bytes.subarray(2, 2 + (bytes[1] ?? 0));
      if (bytes[0] !== 5 || !methods.includes(noAuthentication))
        return void socket.end(Buffer.from([5, 0xff]));
      bytes = bytes.subarray(2 + methods.length);
      socket.write(Buffer.from([5, noAuthentication]));
      step = "request";
    }
    const request = readRequest(bytes);
    if (request === undefined) return void socket.resume();
    socket.off("data", onData);
    if (typeof request === "number") return refuse(request);
    void connectTo(request, bytes.subarray(request.size));
  };
  const connectTo = async ({ host, port }: Request, rest: Buffer) => {
    const addresses = await outbound.lookup(host).catch(() => []);
    const [address] = addresses;
    if (socket.destroyed) return;
    if (address === undefined) return refuse(reply.hostUnreachable);
    const to = { address, port };
    if (outbound.isIntercepted(to)) {
      socket.write(answer(reply.succeeded));
      handBack(socket, rest);
      if (!outbound.handOver(socket, to)) socket.destroy();
      return;
    }
    const upstream = outbound.open(to);
    const onError = (error: NodeJS.ErrnoException) => {
      refuse(error.code === "ECONNREFUSED" ? reply.connectionRefused : reply.networkUnreachable);
    };
    const onClose = () => upstream.destroy();
    upstream.once("error", onError);
    socket.once("close", onClose);
    upstream.once("connect", () => {
      upstream.off("error", onError);
      socket.off("close", onClose);
      socket.write(answer(reply.succeeded));
      handBack(socket, rest);
      joinSockets(socket, upstream);
    });
  };
  socket.on("data", onData);
  advance();
}

interface Request {
  readonly host: string;
  readonly port: number;
  readonly size: number;
}

/** The request, undefined when it is not all there, or the code of the refusal. */
function readRequest(bytes: Buffer): Request | number | undefined {
  if (bytes.length < 5) return undefined;
  if (bytes[0] !== 5) return reply.generalFailure;
  if (bytes[1] !== 1) return reply.commandNotSupported;
  const length = { 1: 4, 3: 1 + (bytes[4] ?? 0), 4: 16 }[bytes[3] ?? 0];
  if (length === undefined) return reply.addressTypeNotSupported;
  const size = 4 + length + 2;
  if (bytes.length < size) return undefined;
  const port = bytes.readUInt16BE(4 + length);
  const raw = bytes.subarray(4, 4 + length);
  if (bytes[3] === 1) return { host: raw.join("."), port, size };
  if (bytes[3] === 3) return { host: raw.subarray(1).toString("latin1"), port, size };
  const groups = Array.from({ length: 8 }, (_, i) => raw.readUInt16BE(2 * i).toString(16));
  return { host: groups.join(":"), port, size };
}

function answer(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}
