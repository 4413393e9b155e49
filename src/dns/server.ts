import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import type { Logger, Stop } from "../base/index.ts";
import type { DnsAnswer } from "./cluster-dns.ts";
import {
  type DnsQuery,
  type DnsQuestion,
  type DnsRecord,
  readQuery,
  recordTypes,
  responseCodes,
  writeResponse,
} from "./message.ts";

export interface DnsServerOptions {
  /** Loopback address to bind. */
  readonly address: string;
  /** Same port for UDP and TCP; 0 picks a free one. */
  readonly port: number;
  /** Answers a question that `client` asked. A rejection is a server failure for the asker. */
  resolve(question: DnsQuestion, client: string): Promise<DnsAnswer>;
  readonly log: Logger;
}

/** Questions worked on at once; more are dropped (UDP) or wait to be read (TCP). */
const mostQuestions = 1000;
const mostConnections = 100;
const idleTimeout = 10_000;

/** Starts a DNS server on UDP and TCP. Resolves with its port once both are bound; rejects when they can't be. */
export async function startDnsServer(
  options: DnsServerOptions,
): Promise<{ readonly port: number; readonly stop: Stop }> {
  const { address, log } = options;
  let open = 0;

  const respond = async (query: DnsQuery, client: string, limit: number): Promise<Buffer> => {
    const { question } = query;
    if (question === undefined) return writeResponse(query, query.code, [], limit);
    open++;
    try {
      const { exists, records } = await options.resolve(question, client);
      const code = exists || records.length > 0 ? responseCodes.noError : responseCodes.nameError;
      return writeResponse(query, code, ofType(records, question.type), limit);
    } catch (reason) {
      log.debug({ name: question.name, reason: String(reason) }, "a DNS question could not be answered");
      return writeResponse(query, responseCodes.serverFailure, [], limit);
    } finally {
      open--;
    }
  };

  const tcp = createServer((socket) => serveConnection(socket, respond));
  tcp.maxConnections = mostConnections;
  const connections = new Set<Socket>();
  tcp.on("connection", (socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    tcp.once("error", reject);
    tcp.listen(options.port, address, resolve);
  });
  const bound = tcp.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : options.port;

  const udp = createSocket("udp4");
  udp.on("message", (message, { address: client, port: clientPort }) => {
    if (open >= mostQuestions) return;
    const query = readQuery(message);
    if (query === undefined || clientPort === 0) return;
    void respond(query, client, query.udpSize).then((response) => {
      if (!isStopped) udp.send(response, clientPort, client, () => {});
    });
  });
  let isStopped = false;
  const stop: Stop = async () => {
    if (isStopped) return;
    isStopped = true;
    udp.close();
    tcp.close();
    for (const socket of connections) socket.destroy();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      udp.once("error", reject);
      udp.bind(port, address, resolve);
    });
  } catch (reason) {
    tcp.close();
    throw reason;
  }
  udp.on("error", (reason) => log.debug({ reason: String(reason) }, "DNS over UDP failed once"));
  return { port, stop };
}

/** Questions one after the other, each with its length in front (RFC 1035 4.2.2). */
function serveConnection(
  socket: Socket,
  respond: (query: DnsQuery, client: string, limit: number) => Promise<Buffer>,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const client = socket.remoteAddress ?? "";
  socket.setTimeout(idleTimeout, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    void next();
  });
  const next = async () => {
    if (bytes.length < 2) return;
    const size = bytes.readUInt16BE(0);
    if (bytes.length < 2 + size) return;
    socket.pause();
    const query = readQuery(bytes.subarray(2, 2 + size));
    bytes = bytes.subarray(2 + size);
    if (query === undefined) return void socket.destroy();
    const response = await respond(query, client, 65_535);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(response.length, 0);
    if (socket.destroyed) return;
    socket.write(Buffer.concat([length, response]));
    socket.resume();
    await next();
  };
}

/** Aliases always travel with what they lead to. */
function ofType(records: readonly DnsRecord[], type: number): readonly DnsRecord[] {
  if (type === recordTypes.ANY) return records;
  return records.filter((record) => recordTypes[record.type] === type || record.type === "CNAME");
}
