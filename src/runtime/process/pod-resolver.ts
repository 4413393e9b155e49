import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "../../base/index.ts";

/**
 * A pod's resolver as programs of the host can ask it: DNS over TCP (RFC 1035, 4.2.2) with the pod's own view of
 * names. It knows addresses only; everything else has no answer.
 */
export interface PodResolver {
  /** "address:port" */
  readonly address: string;
  stop(): Promise<void>;
}

/** The longest query that makes sense: one name of 255 bytes with its header. */
const longestQuery = 512;
const mostConnections = 64;
/** How long an answer may be kept, in seconds: as CoreDNS says for Services. */
const lifetime = 30;
const idleMs = 5000;

/** Starts a resolver on a free port of `host`, which is the pod's alone. */
export async function startPodResolver(
  host: string,
  lookup: (name: string) => Promise<readonly string[]>,
  log: Logger,
): Promise<PodResolver> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    serve(socket, lookup, log).catch(() => socket.destroy()); // The program went away.
  });
  server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: `${host}:${port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function serve(
  socket: Socket,
  lookup: (name: string) => Promise<readonly string[]>,
  log: Logger,
): Promise<void> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    while (received.length >= 2) {
      const length = received.readUInt16BE(0);
      if (length > longestQuery) return void socket.destroy();
      if (received.length < 2 + length) break;
      const query = received.subarray(2, 2 + length);
      const reply = await answer(query, lookup).catch((reason: unknown) => {
        log.debug({ reason: String(reason) }, "query of a pod not answered");
        return header(query, serverFailure, 0, 0);
      });
      const head = Buffer.alloc(2);
      head.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([head, reply]));
      received = received.subarray(2 + length);
    }
  }
}

const typeA = 1;
const formatError = 1;
const serverFailure = 2;
const noSuchName = 3;

async function answer(query: Buffer, lookup: (name: string) => Promise<readonly string[]>): Promise<Buffer> {
  const question = readQuestion(query);
  if (question === undefined) return header(query, formatError, 0, 0);
  const { name, type, end } = question;
  const addresses = await lookup(name);
  const shown = type === typeA ? addresses.filter((address) => /^\d+(\.\d+){3}$/.test(address)) : [];
  const records = shown.map((address) => addressRecord(address));
  return Buffer.concat([
    header(query, addresses.length === 0 ? noSuchName : 0, 1, records.length),
    query.subarray(12, end),
    ...records,
  ]);
}

function readQuestion(
  query: Buffer,
): { readonly name: string; readonly type: number; readonly end: number } | undefined {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    if (length > 63 || at + 1 + length >= query.length) return undefined;
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > query.length) return undefined;
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function header(query: Buffer, code: number, questions: number, answers: number): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, Math.min(2, query.length));
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(questions, 4);
  head.writeUInt16BE(answers, 6);
  return head;
}

/** An A record whose name points to the question. */
function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(typeA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(lifetime, 6);
  record.writeUInt16BE(4, 10);
  record.set(address.split(".").map(Number), 12);
  return record;
}
