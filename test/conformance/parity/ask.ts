import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { HttpStep, TlsClient } from "./case.ts";

/** An answer as the client got it. Status 0: the connection ended before one was complete. */
export interface ClientAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
  /** Informational statuses before it. */
  readonly interim: readonly number[];
  /** Why it is not complete; "" when it is. */
  readonly broken: "" | "before" | "inside";
}

export interface RawConversation {
  readonly answers: readonly ClientAnswer[];
  readonly closed: boolean;
}

export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Agrees on TLS over `socket`; undefined when the other side refuses. */
export function secure(
  socket: Socket,
  tls: TlsClient,
  identity: TlsIdentity | undefined,
): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const over = connectTls({
      socket,
      ...(tls.sni === undefined ? {} : { servername: tls.sni }),
      ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
      ...(tls.minVersion === undefined ? {} : { minVersion: tls.minVersion }),
      ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
      ...identity,
      rejectUnauthorized: false,
    });
    over.once("secureConnect", () => resolve(over));
    over.on("error", () => resolve(undefined));
    over.once("close", () => resolve(undefined));
  });
}

/** How long an answer is waited for, milliseconds. */
const patience = 5000;
/** How long the end of a connection is waited for after its last answer, milliseconds. Envoy takes a second. */
const endPatience = 1500;

/** Sends one HTTP/1.1 request and reads its answer. */
export async function askHttp1(socket: Socket, host: string, step: HttpStep): Promise<ClientAnswer> {
  const [method = "", target = ""] = splitAsk(step.ask);
  const fields = headerList(step.headers);
  const chunked = step.chunks !== undefined;
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!fields.some(([name]) => name === "host")) lines.push(`host: ${host}`);
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  if (chunked) lines.push("transfer-encoding: chunked");
  else if (step.body !== undefined) lines.push(`content-length: ${Buffer.byteLength(step.body)}`);
  const body = chunked
    ? `${(step.chunks ?? []).map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join("")}0\r\n${headerList(
        step.trailers,
      )
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("")}\r\n`
    : (step.body ?? "");
  const waits = fields.some(([name]) => name === "expect");
  const talk = converse(socket, [`${lines.join("\r\n")}\r\n\r\n${waits ? "" : body}`], 1, {
    isHead: method === "HEAD",
    ...(waits ? { onContinue: () => socket.write(body) } : {}),
    ...(step.givesUpAfter === undefined ? {} : { givesUpAfter: step.givesUpAfter }),
  });
  const { answers } = await talk;
  return answers[0] ?? noAnswer;
}

const noAnswer: ClientAnswer = {
  status: 0,
  headers: [],
  body: "",
  trailers: [],
  interim: [],
  broken: "before",
};

/** Writes `parts` and reads until `wanted` final answers are complete or the connection ends. */
export async function converse(
  socket: Socket,
  parts: readonly string[],
  wanted: number,
  options: {
    readonly isHead?: boolean;
    readonly closes?: boolean;
    readonly onContinue?: () => void;
    readonly givesUpAfter?: number;
  } = {},
): Promise<RawConversation> {
  let bytes = Buffer.alloc(0);
  let closed = false;
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  const end = () => {
    closed = true;
    wake();
  };
  socket.on("end", end);
  socket.on("close", end);
  socket.on("error", end);
  let isLate = false;
  const giveUp = () => {
    isLate = true;
    wake();
  };
  const timer = setTimeout(giveUp, options.givesUpAfter ?? patience);
  let endTimer: NodeJS.Timeout | undefined;
  let continued = false;
  try {
    for (const [index, part] of parts.entries()) {
      if (index > 0) await new Promise((resolve) => setTimeout(resolve, 30));
      if (!closed) socket.write(part, "latin1");
    }
    for (;;) {
      const answers = readAnswers(bytes, closed, options.isHead === true);
      const complete = answers.filter(({ broken }) => broken === "");
      if (
        !continued &&
        options.onContinue !== undefined &&
        /^HTTP\/1.1 100 /.test(bytes.toString("latin1"))
      ) {
        continued = true;
        options.onContinue();
      }
      // Who says "connection: close" may leave it to the client, and close later.
      const saysSo = complete
        .at(-1)
        ?.headers.some(([name, value]) => name === "connection" && value === "close");
      const isClosed = closed || saysSo === true;
      const isEnough = complete.length >= wanted && (options.closes !== true || isClosed);
      if (isEnough || closed || isLate) return { answers, closed: isClosed };
      if (complete.length >= wanted) endTimer ??= setTimeout(giveUp, endPatience);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    clearTimeout(timer);
    clearTimeout(endTimer);
    socket.destroy();
  }
}

function readAnswers(bytes: Buffer, ended: boolean, isHead: boolean): ClientAnswer[] {
  const answers: ClientAnswer[] = [];
  let interim: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n\r\n", at);
    if (end < 0) {
      if (ended) answers.push({ ...noAnswer, interim });
      break;
    }
    const [line = "", ...rest] = bytes.toString("latin1", at, end).split("\r\n");
    const status = Number(line.split(" ")[1]);
    const headers = rest.map((field) => splitField(field));
    at = end + 4;
    if (status < 200 && status !== 101) {
      interim.push(status);
      continue;
    }
    const common = { status, headers, interim };
    interim = [];
    const value = (name: string) => headers.find(([key]) => key === name)?.[1];
    if (status === 101) {
      const text = bytes.toString("latin1", at);
      answers.push({ ...common, body: text, trailers: [], broken: "" });
      break;
    }
    if (isHead || status === 204 || status === 304) {
      answers.push({ ...common, body: "", trailers: [], broken: "" });
      continue;
    }
    const length = value("content-length");
    if (length !== undefined) {
      const stop = at + Number(length);
      const isWhole = bytes.length >= stop;
      if (!isWhole && !ended) break;
      answers.push({
        ...common,
        body: bytes.toString("latin1", at, stop),
        trailers: [],
        broken: isWhole ? "" : "inside",
      });
      at = stop;
      continue;
    }
    if (value("transfer-encoding") === "chunked") {
      const read = readChunks(bytes, at);
      if (!read.isWhole && !ended) break;
      answers.push({
        ...common,
        body: read.body,
        trailers: read.trailers,
        broken: read.isWhole ? "" : "inside",
      });
      at = read.end;
      continue;
    }
    if (!ended) break;
    answers.push({ ...common, body: bytes.toString("latin1", at), trailers: [], broken: "" });
    break;
  }
  return answers;
}

function readChunks(bytes: Buffer, from: number) {
  let body = "";
  const trailers: (readonly [string, string])[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { body, trailers, end: bytes.length, isWhole: false };
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const start = lineEnd + 2;
    if (size === 0) {
      for (let line = start; ; ) {
        const stop = bytes.indexOf("\r\n", line);
        if (stop < 0) return { body, trailers, end: bytes.length, isWhole: false };
        if (stop === line) return { body, trailers, end: stop + 2, isWhole: true };
        trailers.push(splitField(bytes.toString("latin1", line, stop)));
        line = stop + 2;
      }
    }
    body += bytes.toString("latin1", start, Math.min(start + size, bytes.length));
    if (bytes.length < start + size + 2) return { body, trailers, end: bytes.length, isWhole: false };
    at = start + size + 2;
  }
}

function splitField(field: string): readonly [string, string] {
  const colon = field.indexOf(":");
  return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
}

/** "GET host/path" as method, path and host. */
export function splitAsk(ask: string): readonly [string, string, string] {
  const [method = "", rest = ""] = ask.split(/ (.*)/s);
  const slash = rest.search(/[/*?]/);
  return [method, slash < 0 ? "/" : rest.slice(slash), slash < 0 ? rest : rest.slice(0, slash)];
}

function headerList(
  headers: Readonly<Record<string, string | readonly string[]>> | undefined,
): (readonly [string, string])[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one] as const),
  );
}

/** Sends one HTTP/2 request (with prior knowledge) and reads its answer. */
export async function askHttp2(
  socket: Socket,
  host: string,
  step: HttpStep,
  scheme: string,
): Promise<ClientAnswer> {
  const [method, path] = splitAsk(step.ask);
  const session = connectHttp2(`${scheme}://${host}`, { createConnection: () => socket });
  session.on("error", () => {});
  const answer = await new Promise<ClientAnswer>((resolve) => {
    let status = 0;
    let headers: (readonly [string, string])[] = [];
    const trailers: (readonly [string, string])[] = [];
    const interim: number[] = [];
    let body = "";
    let isWhole = false;
    const text = step.chunks?.join("") ?? step.body;
    const stream = session.request(
      { ":method": method, ":path": path, ":authority": host, ":scheme": scheme, ...step.headers },
      {
        endStream: text === undefined && step.trailers === undefined,
        waitForTrailers: step.trailers !== undefined,
      },
    );
    const timer = setTimeout(() => stream.close(8), step.givesUpAfter ?? patience);
    stream.on("error", () => {});
    stream.on("response", (fields) => {
      status = Number(fields[":status"]);
      headers = fieldsOf(fields);
    });
    stream.on("headers", (fields) => interim.push(Number(fields[":status"])));
    stream.on("trailers", (fields) => trailers.push(...fieldsOf(fields)));
    stream.on("data", (chunk: Buffer) => {
      body += chunk.toString("latin1");
    });
    stream.on("end", () => {
      isWhole = stream.rstCode === 0;
    });
    stream.on("close", () => {
      clearTimeout(timer);
      isWhole &&= stream.rstCode === 0;
      resolve({
        status,
        headers,
        body,
        trailers,
        interim,
        broken: isWhole ? "" : status === 0 ? "before" : "inside",
      });
    });
    const more = step.trailers;
    if (more !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(more));
    if (text !== undefined || more !== undefined) stream.end(text ?? "");
  });
  session.destroy();
  socket.destroy();
  return answer;
}

function fieldsOf(fields: object): (readonly [string, string])[] {
  return Object.entries(fields as Record<string, string | string[]>).flatMap(([name, value]) =>
    name.startsWith(":") ? [] : [value].flat().map((one) => [name, String(one)] as const),
  );
}

/** Sends text and reads what comes until `text.length` bytes came back, or the end. */
export function askTcp(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const done = () => {
      clearTimeout(timer);
      resolve(answer);
      socket.destroy();
    };
    const timer = setTimeout(done, 2000);
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      if (answer.endsWith(text)) socket.end();
    });
    socket.on("error", done);
    socket.on("close", done);
    socket.on("end", done);
    if (text !== "") socket.write(text);
  });
}
