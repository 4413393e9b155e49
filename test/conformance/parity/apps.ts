import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Answer, RawAnswer, Reaction } from "./case.ts";
import { type AppName, type AppPlace, apps as places } from "./world.ts";

/** A request as an app got it. */
export interface Arrival {
  readonly app: AppName;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
  readonly tls?: { readonly peer: string; readonly alpn: string; readonly sni: string };
}

/** The world's apps at work. */
export interface Apps {
  /** What came since the last `reset`, in order. */
  readonly arrivals: readonly Arrival[];
  /** Forgets what came, and answers in this way from now on. */
  reset(reactions: Partial<Record<AppName, readonly Reaction[]>>): void;
  /** Connections that were opened to an app since the last `reset`. */
  connections(app: AppName): number;
  stop(): Promise<void>;
}

export interface AppKeys {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Starts all apps; `placeOf` says where one listens, `keysOf` who it is on TLS. */
export async function startApps(
  placeOf: (name: AppName) => { readonly address: string; readonly port: number },
  keysOf: (name: AppName) => AppKeys,
): Promise<Apps> {
  const arrivals: Arrival[] = [];
  const sockets = new Set<Socket>();
  const opened = new Map<AppName, number>();
  const servers: Server[] = [];
  let reactions: Partial<Record<AppName, readonly Reaction[]>> = {};
  const turns = new Map<AppName, number>();

  const nextReaction = (name: AppName): Reaction => {
    const list = reactions[name] ?? [];
    const turn = turns.get(name) ?? 0;
    turns.set(name, turn + 1);
    return list[Math.min(turn, list.length - 1)] ?? 200;
  };

  for (const [key, place] of Object.entries(places) as [AppName, AppPlace][]) {
    const server = makeServer(key, place);
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      opened.set(key, (opened.get(key) ?? 0) + 1);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    });
    const { address, port } = placeOf(key);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
    servers.push(server);
  }

  function makeServer(name: AppName, { speaks }: AppPlace): Server {
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      void serveHttp1(name, request, response).catch(() => request.socket.destroy());
    switch (speaks) {
      case "http":
        return createHttpServer({ insecureHTTPParser: true, keepAliveTimeout: 60_000 }, onRequest)
          .on("checkContinue", onRequest)
          .on("upgrade", (request, socket, head) => serveUpgrade(name, request, socket as Socket, head));
      case "mtls":
      case "https":
        return createHttpsServer(
          {
            ...keysOf(name),
            requestCert: true,
            rejectUnauthorized: speaks === "mtls",
            ALPNProtocols: ["istio-http/1.1", "istio", "http/1.1"],
          },
          onRequest,
        );
      case "http2": {
        const server = createHttp2Server();
        server.on("session", (session) => session.on("error", () => {}));
        server.on("stream", (stream, headers) => {
          stream.on("error", () => {});
          void serveHttp2(name, stream, headers as Record<string, string>).catch(() => stream.destroy());
        });
        return server;
      }
      case "tcp":
        return createTcpServer({ allowHalfOpen: true }, (socket) => serveTcp(name, socket));
    }
  }

  function serveTcp(name: AppName, socket: Socket) {
    socket.on("data", (chunk) => {
      arrivals.push({
        app: name,
        method: "",
        path: "",
        host: "",
        version: "",
        headers: [],
        body: chunk.toString("latin1"),
        trailers: [],
      });
      const reaction = nextReaction(name);
      if (reaction === "hang") return;
      if (reaction === "reset") socket.resetAndDestroy();
      else socket.write(`${name}:${chunk.toString("latin1")}`);
    });
    socket.on("end", () => socket.end());
  }

  async function serveHttp1(name: AppName, request: IncomingMessage, response: ServerResponse) {
    const reaction = nextReaction(name);
    const wantsContinue = request.headers.expect === "100-continue";
    const interim = isAnswer(reaction) ? (reaction.interim ?? []) : [];
    if (wantsContinue && interim.includes(100)) response.writeContinue();
    for (const status of interim) if (status === 103) response.writeEarlyHints({ link: "</x>" });
    const answersEarly = wantsContinue && !interim.includes(100);
    const body = answersEarly ? "" : await readAll(request);
    const { socket } = request;
    const tls = "encrypted" in socket ? (socket as TLSSocket) : undefined;
    arrivals.push({
      app: name,
      method: request.method ?? "",
      path: request.url ?? "",
      host: request.headers.host ?? "",
      version: `HTTP/${request.httpVersion}`,
      headers: pairs(request.rawHeaders),
      body,
      trailers: pairs(request.rawTrailers),
      ...(tls === undefined
        ? {}
        : {
            tls: {
              peer: tls.getPeerCertificate()?.subjectaltname ?? "",
              alpn: tls.alpnProtocol || "",
              sni: "servername" in tls ? String(tls.servername) : "",
            },
          }),
    });
    if (reaction === "hang") return;
    if (reaction === "reset") {
      socket.resetAndDestroy();
      return;
    }
    if (isRaw(reaction)) {
      socket.write(reaction.raw, "latin1");
      if (reaction.ends === true) socket.end();
      return;
    }
    const answer = typeof reaction === "number" ? { status: reaction } : reaction;
    if (answer.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delay));
    response.sendDate = false;
    response.writeHead(answer.status ?? 200, { "x-app": name, ...answer.headers } as Record<string, string>);
    const text = answer.body ?? name;
    if (answer.breaksOff === true) {
      response.write(text);
      setTimeout(() => socket.resetAndDestroy(), 30);
      return;
    }
    if (answer.trailers !== undefined) {
      response.write(text);
      response.addTrailers(answer.trailers);
      response.end();
    } else response.end(text);
  }

  function serveUpgrade(name: AppName, request: IncomingMessage, socket: Socket, head: Buffer) {
    const reaction = nextReaction(name);
    arrivals.push({
      app: name,
      method: request.method ?? "",
      path: request.url ?? "",
      host: request.headers.host ?? "",
      version: `HTTP/${request.httpVersion}`,
      headers: pairs(request.rawHeaders),
      body: "",
      trailers: [],
    });
    if (typeof reaction === "number" && reaction !== 200) {
      socket.end(`HTTP/1.1 ${reaction} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${request.headers.upgrade}\r\nx-app: ${name}\r\n\r\n`,
    );
    if (head.length > 0) socket.write(`${name}:${head.toString("latin1")}`);
    socket.on("data", (chunk) => {
      socket.write(`${name}:${chunk.toString("latin1")}`);
      if (chunk.includes("bye")) socket.end();
    });
    socket.on("end", () => socket.end());
  }

  async function serveHttp2(name: AppName, stream: ServerHttp2Stream, headers: Record<string, string>) {
    const trailers: [string, string][] = [];
    stream.on("trailers", (fields) => {
      for (const [key, value] of Object.entries(fields)) trailers.push([key, String(value)]);
    });
    const body = await readAll(stream);
    arrivals.push({
      app: name,
      method: headers[":method"] ?? "",
      path: headers[":path"] ?? "",
      host: headers[":authority"] ?? "",
      version: "HTTP/2",
      headers: Object.entries(headers).flatMap(([key, value]) =>
        key.startsWith(":") ? [] : [value].flat().map((one) => [key, one] as const),
      ),
      body,
      trailers,
    });
    const reaction = nextReaction(name);
    if (reaction === "hang") return;
    if (reaction === "reset") {
      stream.session?.destroy();
      return;
    }
    if (isRaw(reaction)) throw new Error("raw answers are for HTTP/1.1");
    const answer = typeof reaction === "number" ? { status: reaction } : reaction;
    if (answer.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delay));
    const more = answer.trailers;
    const isTrailersOnly = answer.body === "" && more === undefined;
    stream.respond(
      { ":status": answer.status ?? 200, "x-app": name, ...(answer.headers as Record<string, string>) },
      { waitForTrailers: more !== undefined, endStream: isTrailersOnly, sendDate: false } as object,
    );
    if (isTrailersOnly) return;
    if (more !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(more));
    if (answer.breaksOff === true) {
      stream.write(answer.body ?? name);
      setTimeout(() => stream.session?.destroy(), 30);
    } else stream.end(answer.body ?? name);
  }

  return {
    arrivals,
    reset(next) {
      arrivals.length = 0;
      turns.clear();
      opened.clear();
      reactions = next;
    },
    connections: (app) => opened.get(app) ?? 0,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function isAnswer(reaction: Reaction): reaction is Answer {
  return typeof reaction === "object" && !("raw" in reaction);
}

function isRaw(reaction: Reaction): reaction is RawAnswer {
  return typeof reaction === "object" && "raw" in reaction;
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  const list: (readonly [string, string])[] = [];
  for (let i = 0; i < raw.length; i += 2) list.push([(raw[i] ?? "").toLowerCase(), raw[i + 1] ?? ""]);
  return list;
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}
