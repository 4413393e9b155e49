import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, suite, test } from "vitest";
import { WebSocket } from "ws";
import { ApiError, execInPod } from "../../kube/index.ts";
import type { ExecStreams } from "../contracts.ts";
import { createByteQueue } from "./byte-queue.ts";
import { type ExecHandler, handleExec, handlePortForward, type PortForwardHandler } from "./index.ts";
import {
  createFrameReader,
  dataHeader,
  FrameError,
  pingFrame,
  rstStreamFrame,
  synStreamFrame,
} from "./spdy/frames.ts";
import { createHeaderCodec } from "./spdy/header-block.ts";

const host = "127.0.0.1";
let server: Server;
let port: number;
let exec: ExecHandler;
let forward: PortForwardHandler;
/** Sessions under way; every test ends its own. */
const sessions = new Set<Promise<void>>();

beforeAll(async () => {
  server = createServer();
  server.on("upgrade", (request, socket, head) => {
    const session = request.url?.includes("portforward")
      ? handlePortForward(request, socket, head, { connect: (to) => forward.connect(to) })
      : handleExec(request, socket, head, { run: (streams, signal) => exec.run(streams, signal) });
    sessions.add(session);
    void session.finally(() => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  await Promise.all(sessions);
  await new Promise((resolve) => server.close(resolve));
});

/** Says back what it hears, the first word to stderr, and ends with the number it is told last. */
const echo: ExecHandler = {
  async run({ stdin, stdout, stderr, tty, resizes }: ExecStreams) {
    stderr(Buffer.from(`tty=${tty};`));
    if (resizes !== undefined)
      for await (const size of resizes) {
        stdout(Buffer.from(`${size.width}x${size.height};`));
        break;
      }
    let heard = "";
    for await (const chunk of stdin ?? []) heard += Buffer.from(chunk).toString();
    await stdout(Buffer.from(heard.toUpperCase()));
    return { exitCode: Number(/\d+$/.exec(heard)?.[0] ?? 0) };
  },
};

// ---- A client of the WebSocket protocols.

interface Heard {
  stdout: string;
  stderr: string;
  status: {
    status?: string;
    reason?: string;
    message?: string;
    details?: { causes?: readonly { message: string }[] };
  };
  code: number;
}

async function webSocketExec(
  query: string,
  protocol: string,
  messages: readonly (readonly number[])[],
): Promise<Heard> {
  const client = new WebSocket(`ws://${host}:${port}/exec?${query}`, [protocol]);
  const heard: Heard = { stdout: "", stderr: "", status: {}, code: 0 };
  client.on("message", (data: Buffer) => {
    const text = data.subarray(1).toString();
    if (data[0] === 1) heard.stdout += text;
    if (data[0] === 2) heard.stderr += text;
    if (data[0] === 3) heard.status = JSON.parse(text);
  });
  await once(client, "open");
  assert.equal(client.protocol, protocol);
  for (const message of messages) client.send(Buffer.from(message));
  [heard.code] = (await once(client, "close")) as [number];
  return heard;
}

const bytes = (channel: number, text: string) => [channel, ...Buffer.from(text)];
const closeStdin = [255, 0];

suite("execInPod()", () => {
  const run = (signal = new AbortController().signal) =>
    execInPod(
      { server: `http://${host}:${port}` },
      { namespace: "sample", pod: "p", container: "app", command: ["a", "b c"] },
      signal,
    );

  test.each([0, 7])("both streams and exit code %i come back", async (exitCode) => {
    exec = {
      async run({ stdout, stderr }) {
        await stdout(Buffer.from("out ä"));
        stderr(Buffer.from("err"));
        return { exitCode };
      },
    };
    assert.deepEqual(await run(), { exitCode, stdout: "out ä", stderr: "err" });
  });

  test("what can't be started ends with 126", async () => {
    exec = {
      async run() {
        throw new ApiError({
          ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 500 },
          message: "executable file not found",
        });
      },
    };
    assert.equal((await run()).exitCode, 126);
  });

  test("an abort ends it, and a server that answers no upgrade is said", async () => {
    const stop = new AbortController();
    exec = {
      async run(_streams, signal) {
        stop.abort(new Error("enough"));
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        return { exitCode: 0 };
      },
    };
    await assert.rejects(run(stop.signal), /enough/);
    const plain = createServer((_request, response) => {
      response.statusCode = 403;
      response.end("no");
    });
    await new Promise<void>((resolve) => plain.listen(0, host, resolve));
    const at = `http://${host}:${(plain.address() as AddressInfo).port}`;
    const refused = execInPod(
      { server: at },
      { namespace: "sample", pod: "p", command: ["x"] },
      new AbortController().signal,
    );
    await assert.rejects(refused, (reason) => reason instanceof ApiError && reason.code === 403);
    await new Promise((resolve) => plain.close(resolve));
  });
});

suite("exec over WebSocket", () => {
  test("carries stdin, stdout and stderr; CLOSE ends stdin; the status is Success", async () => {
    exec = echo;
    const heard = await webSocketExec("stdin=true&stdout=true&stderr=true", "v5.channel.k8s.io", [
      bytes(0, "hello "),
      bytes(0, "there"),
      closeStdin,
    ]);
    assert.deepEqual(heard, {
      stdout: "HELLO THERE",
      stderr: "tty=false;",
      status: { metadata: {}, status: "Success" },
      code: 1000,
    });
  });

  test("an exit code comes as NonZeroExitCode", async () => {
    exec = echo;
    const { status } = await webSocketExec("stdin=true&stdout=true", "v5.channel.k8s.io", [
      bytes(0, "exit 3"),
      closeStdin,
    ]);
    assert.equal(status.reason, "NonZeroExitCode");
    assert.equal(status.details?.causes?.[0]?.message, "3");
  });

  test("a terminal has sizes and no stderr of its own", async () => {
    exec = echo;
    const heard = await webSocketExec("stdin=true&stdout=true&stderr=true&tty=true", "v5.channel.k8s.io", [
      bytes(4, '{"Width":80,"Hei'),
      bytes(4, 'ght":24}\n'),
      bytes(0, "x"),
      closeStdin,
    ]);
    assert.deepEqual([heard.stdout, heard.stderr], ["80x24;X", ""]);
  });

  test("v4 is spoken, too", async () => {
    exec = {
      async run({ stdout }) {
        stdout(Buffer.from("hi"));
        return { exitCode: 0 };
      },
    };
    assert.equal((await webSocketExec("stdout=true", "v4.channel.k8s.io", [])).stdout, "hi");
  });

  test("a failing handler's Status is told to the client", async () => {
    exec = {
      run: () =>
        Promise.reject(
          new ApiError({
            kind: "Status",
            apiVersion: "v1",
            metadata: {},
            status: "Failure",
            message: "container not found",
            reason: "BadRequest",
            code: 400,
          }),
        ),
    };
    assert.equal(
      (await webSocketExec("stdout=true", "v5.channel.k8s.io", [])).status.message,
      "container not found",
    );
    exec = { run: () => Promise.reject(new Error("no such file")) };
    assert.equal(
      (await webSocketExec("stdout=true", "v5.channel.k8s.io", [])).status.message,
      "Internal error occurred: no such file",
    );
  });

  test("the handler hears that the client is gone", async () => {
    let aborted: Promise<unknown> | undefined;
    exec = {
      run(_, signal) {
        aborted = once(signal, "abort");
        return aborted.then(() => ({ exitCode: 0 }));
      },
    };
    const client = new WebSocket(`ws://${host}:${port}/exec?stdout=true`, ["v5.channel.k8s.io"]);
    await once(client, "open");
    client.terminate();
    await Promise.all(sessions);
    await aborted;
  });

  test("a writer that waits has little in memory while the client does not read", async () => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const total = 200;
    let written = 0;
    let waited = false;
    exec = {
      async run({ stdout }) {
        for (let i = 0; i < total; i++) {
          const full = stdout(chunk);
          written++;
          if (full !== undefined) {
            waited = true;
            await full;
          }
        }
        return { exitCode: 0 };
      },
    };
    const client = new WebSocket(`ws://${host}:${port}/exec?stdout=true`, ["v5.channel.k8s.io"]);
    await once(client, "open");
    let received = 0;
    client.on("message", (data: Buffer) => {
      if (data[0] === 1) received += data.length - 1;
    });
    await once(client, "close");
    assert.deepEqual([written, received, waited], [total, total * chunk.length, true]);
  });
});

// ---- A client of SPDY/3.1.

interface SpdyClient {
  readonly socket: Duplex;
  readonly protocol: string | undefined;
  open(headers: Record<string, string>): Promise<number>;
  send(stream: number, text: string, fin?: boolean): void;
  /** Text of a stream, once the server has closed its half. */
  read(stream: number): Promise<string>;
  readonly frames: { readonly type: string; readonly id?: number }[];
}

async function spdyClient(path: string, protocols: readonly string[]): Promise<SpdyClient> {
  const request = httpRequest({
    host,
    port,
    path,
    method: "POST",
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": [...protocols] },
  });
  request.end();
  const [response, socket] = (await once(request, "upgrade")) as [
    { headers: Record<string, string> },
    Duplex,
  ];
  const codec = createHeaderCodec();
  const reader = createFrameReader();
  const texts = new Map<number, { text: string; done: () => void; ended: Promise<void> }>();
  const frames: { type: string; id?: number }[] = [];
  const textOf = (stream: number) => {
    let entry = texts.get(stream);
    if (entry === undefined) {
      let done = () => {};
      const ended = new Promise<void>((resolve) => {
        done = resolve;
      });
      entry = { text: "", done, ended };
      texts.set(stream, entry);
    }
    return entry;
  };
  socket.on("data", (chunk: Buffer) => {
    for (const frame of reader.read(chunk)) {
      frames.push(frame.type === "ping" ? { type: frame.type, id: frame.id } : { type: frame.type });
      if (frame.type === "data") {
        const entry = textOf(frame.stream);
        entry.text += frame.data.toString();
        if (frame.fin) entry.done();
      }
      if (frame.type === "rstStream") textOf(frame.stream).done();
    }
  });
  socket.on("error", () => {});
  let next = 1;
  return {
    socket,
    protocol: response.headers["x-stream-protocol-version"],
    frames,
    async open(headers) {
      const id = next;
      next += 2;
      socket.write(synStreamFrame(id, await codec.encode(new Map(Object.entries(headers)))));
      return id;
    },
    send(stream, text, fin = false) {
      const data = Buffer.from(text);
      socket.write(Buffer.concat([dataHeader(stream, data.length, fin), data]));
    },
    async read(stream) {
      const entry = textOf(stream);
      await entry.ended;
      return entry.text;
    },
  };
}

suite("exec over SPDY", () => {
  test("carries all streams; a FIN ends stdin; the status comes on the error stream", async () => {
    exec = echo;
    const client = await spdyClient("/exec?stdin=true&stdout=true&stderr=true", [
      "v4.channel.k8s.io",
      "v3.channel.k8s.io",
    ]);
    assert.equal(client.protocol, "v4.channel.k8s.io");
    const [error, stdin, stdout, stderr] = [
      await client.open({ streamtype: "error" }),
      await client.open({ StreamType: "stdin" }),
      await client.open({ streamtype: "stdout" }),
      await client.open({ streamtype: "stderr" }),
    ];
    client.send(stdin, "exit ");
    client.send(stdin, "2", true);
    assert.deepEqual([await client.read(stdout), await client.read(stderr)], ["EXIT 2", "tty=false;"]);
    assert.equal(JSON.parse(await client.read(error)).details.causes[0].message, "2");
    await once(client.socket, "close");
  });

  test("pings are answered, unknown streams reset", async () => {
    exec = echo;
    const client = await spdyClient("/exec?stdin=true&stdout=true", ["v4.channel.k8s.io"]);
    client.socket.write(pingFrame(7));
    const strange = await client.open({ streamtype: "video" });
    await client.read(strange);
    assert.ok(client.frames.some(({ type, id }) => type === "ping" && id === 7));
    client.socket.destroy();
    await Promise.all(sessions);
  });

  test("bytes that are no SPDY end the session", async () => {
    exec = echo;
    const client = await spdyClient("/exec?stdout=true", ["v4.channel.k8s.io"]);
    client.socket.write(Buffer.alloc(64, 0xff));
    await once(client.socket, "close");
    await Promise.all(sessions);
  });
});

suite("port-forward over SPDY", () => {
  async function withEcho<T>(run: (port: number) => Promise<T>): Promise<T> {
    const sockets = new Set<Socket>();
    const echoServer = createTcpServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => echoServer.listen(0, host, resolve));
    try {
      return await run((echoServer.address() as AddressInfo).port);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => echoServer.close(resolve));
    }
  }
  const dial = async (to: number) => {
    const socket = connect({ port: to, host, allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  };

  test("each pair of streams is a connection", () =>
    withEcho(async (target) => {
      forward = { connect: dial };
      const client = await spdyClient("/portforward", ["portforward.k8s.io"]);
      const answers: string[] = [];
      for (const requestID of ["0", "1"]) {
        const error = await client.open({ streamtype: "error", port: String(target), requestID });
        const data = await client.open({ streamtype: "data", port: String(target), requestID });
        client.send(error, "", true);
        client.send(data, `hello ${requestID}`, true);
        answers.push(await client.read(data), await client.read(error));
      }
      assert.deepEqual(answers, ["hello 0", "", "hello 1", ""]);
      client.socket.destroy();
      await Promise.all(sessions);
    }));

  test("what fails is said on the error stream, and the session goes on", async () => {
    forward = { connect: () => Promise.reject(new Error("connection refused")) };
    const client = await spdyClient("/portforward", ["portforward.k8s.io"]);
    const error = await client.open({ streamtype: "error", port: "80", requestID: "0" });
    const data = await client.open({ streamtype: "data", port: "80", requestID: "0" });
    assert.equal(await client.read(data), "");
    assert.equal(await client.read(error), "an error occurred forwarding 80: connection refused");
    client.socket.destroy();
    await Promise.all(sessions);
  });

  test("a reset by the client closes the pod's connection", () =>
    withEcho(async (target) => {
      let dialled: Socket | undefined;
      forward = {
        async connect(to) {
          dialled = await dial(to);
          return dialled;
        },
      };
      const client = await spdyClient("/portforward", ["portforward.k8s.io"]);
      await client.open({ streamtype: "error", port: String(target), requestID: "0" });
      const data = await client.open({ streamtype: "data", port: String(target), requestID: "0" });
      client.send(data, "x");
      while (dialled === undefined) await new Promise((resolve) => setImmediate(resolve));
      const closed = once(dialled, "close");
      client.socket.write(rstStreamFrame(data, 5));
      await closed;
      client.socket.destroy();
      await Promise.all(sessions);
    }));

  test("the same in the messages of a WebSocket", () =>
    withEcho(async (target) => {
      forward = { connect: dial };
      const client = await tunnel();
      const codec = createHeaderCodec();
      const headers = (streamtype: string) =>
        codec.encode(
          new Map([
            ["streamtype", streamtype],
            ["port", String(target)],
            ["requestid", "0"],
          ]),
        );
      const reader = createFrameReader();
      let answer = "";
      const done = new Promise<void>((resolve) => {
        client.onBytes((bytes) => {
          for (const frame of reader.read(bytes)) {
            if (frame.type !== "data" || frame.stream !== 3) continue;
            answer += frame.data.toString();
            if (frame.fin) resolve();
          }
        });
      });
      client.send(synStreamFrame(1, await headers("error")));
      client.send(synStreamFrame(3, await headers("data")));
      client.send(Buffer.concat([dataHeader(3, 5, true), Buffer.from("hello")]));
      await done;
      assert.equal(answer, "hello");
      client.close();
      await Promise.all(sessions);
    }));
});

/** A WebSocket whose protocol has a name that WebSocket libraries refuse, so its few frames are made here. */
async function tunnel() {
  const protocol = "SPDY/3.1+portforward.k8s.io";
  const request = httpRequest({
    host,
    port,
    path: "/portforward",
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": Buffer.alloc(16).toString("base64"),
      "sec-websocket-protocol": protocol,
    },
  });
  request.end();
  const [response, socket] = (await once(request, "upgrade")) as [
    { headers: Record<string, string> },
    Duplex,
  ];
  assert.equal(response.headers["sec-websocket-protocol"], protocol);
  socket.on("error", () => {});
  return {
    send(bytes: Buffer) {
      const length = Buffer.from([0x82, 0xfe, bytes.length >> 8, bytes.length & 0xff]);
      socket.write(Buffer.concat([length, Buffer.alloc(4), bytes])); // A mask of zeros changes nothing.
    },
    onBytes(take: (bytes: Buffer) => void) {
      let pending = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        pending = Buffer.concat([pending, chunk]);
        for (;;) {
          const size = pending.length < 4 ? undefined : (pending[1] ?? 0) & 0x7f;
          if (size === undefined || size === 127) return;
          const [at, length] = size === 126 ? [4, pending.readUInt16BE(2)] : [2, size];
          if (pending.length < at + length) return;
          take(pending.subarray(at, at + length));
          pending = pending.subarray(at + length);
        }
      });
    },
    close: () => socket.destroy(),
  };
}

suite("refusals", () => {
  const cases = [
    {
      path: "/exec",
      upgrade: "SPDY/3.1",
      protocol: "v4.channel.k8s.io",
      code: 400,
      says: /at least 1 of stdin, stdout, stderr/,
    },
    {
      path: "/exec?stdout=true",
      upgrade: "SPDY/3.1",
      protocol: "v9.channel.k8s.io",
      code: 403,
      says: /unable to negotiate protocol/,
    },
    {
      path: "/exec?stdout=true",
      upgrade: "carrier-pigeon",
      protocol: "",
      code: 400,
      says: /Upgrade request required/,
    },
    {
      path: "/portforward",
      upgrade: "SPDY/3.1",
      protocol: "",
      code: 403,
      says: /unable to negotiate protocol/,
    },
  ];
  for (const { path, upgrade, protocol, code, says } of cases)
    test(`${path} by ${upgrade} with "${protocol}" is answered ${code}`, async () => {
      const request = httpRequest({
        host,
        port,
        path,
        method: "POST",
        headers: { connection: "Upgrade", upgrade, "x-stream-protocol-version": protocol },
      });
      request.end();
      const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
      let body = "";
      for await (const chunk of response) body += chunk;
      assert.equal(response.statusCode, code);
      assert.match(body, says);
    });
});

suite("createByteQueue()", () => {
  test("asks the producer to wait, and lets it go on when the consumer has read", async () => {
    const queue = createByteQueue(4);
    assert.equal(queue.push(Buffer.from("abc")), undefined);
    const full = queue.push(Buffer.from("def"));
    assert.ok(full !== undefined);
    const read: string[] = [];
    const reading = (async () => {
      for await (const chunk of queue) read.push(Buffer.from(chunk).toString());
    })();
    await full;
    queue.end();
    await reading;
    assert.deepEqual(read, ["abc", "def"]);
  });
  test("a consumer that leaves frees the producer", async () => {
    const queue = createByteQueue(1);
    const full = queue.push(Buffer.from("abc"));
    for await (const _ of queue) break;
    await full;
    assert.equal(queue.push(Buffer.from("abc")), undefined);
  });
});

suite("createFrameReader()", () => {
  test("takes frames however the bytes are cut", () => {
    const whole = Buffer.concat([
      pingFrame(1),
      dataHeader(1, 3, true),
      Buffer.from("abc"),
      pingFrame(3),
      dataHeader(1, 0, true),
    ]);
    for (const size of [1, 3, 7, whole.length]) {
      const reader = createFrameReader();
      const seen: string[] = [];
      for (let at = 0; at < whole.length; at += size)
        for (const frame of reader.read(whole.subarray(at, at + size)))
          seen.push(frame.type === "data" ? `${frame.data}${frame.fin ? "!" : ""}` : frame.type);
      assert.equal(seen.join(""), "pingabc!ping!", `cut into pieces of ${size}`);
    }
  });
  test("refuses other protocols and frames that are too long", () => {
    assert.throws(() => [...createFrameReader().read(Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]))], FrameError);
    assert.throws(
      () => [...createFrameReader().read(Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0, 0]))],
      FrameError,
    );
  });
});
