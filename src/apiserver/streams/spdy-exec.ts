import type { Duplex } from "node:stream";
import { createExecSession, type ExecChannels, type ExecHandler, type ExecOptions } from "./exec-session.ts";
import { type SpdyStream, serveSpdy } from "./spdy/session.ts";

/** Remote command protocols over SPDY that are spoken. v5 exists for WebSocket only. */
export const spdyExecProtocols: readonly string[] = ["v4.channel.k8s.io"];

/** How long a client may take to open its streams, in milliseconds; as long as a kubelet gives. */
const patience = 30_000;

type StreamType = "error" | "stdin" | "stdout" | "stderr" | "resize";

/** Runs one exec or attach session over a connection that was upgraded to SPDY. Resolves when it is over. */
export async function execOverSpdy(
  connection: Duplex,
  options: ExecOptions,
  handler: ExecHandler,
): Promise<void> {
  const expected = new Set<StreamType>(["error"]);
  for (const name of ["stdin", "stdout", "stderr"] as const) if (options[name]) expected.add(name);
  if (options.tty) expected.add("resize");

  const streams = new Map<string, SpdyStream>();
  let allOpen = () => {};
  const opened = new Promise<void>((resolve) => {
    allOpen = resolve;
  });
  const spdy = serveSpdy(connection, (stream) => {
    const type = stream.headers.get("streamtype") ?? "";
    if (!expected.has(type as StreamType) || streams.has(type)) return stream.reset();
    streams.set(type, stream);
    if (streams.size === expected.size) allOpen();
  });
  const timer = setTimeout(() => connection.destroy(), patience);
  await Promise.race([opened, spdy.closed]);
  clearTimeout(timer);
  if (spdy.signal.aborted) return spdy.closed;

  const session = createExecSession(options);
  spdy.signal.addEventListener("abort", () => session.input.end(), { once: true });
  const [stdin, resize] = [streams.get("stdin"), streams.get("resize")];
  if (stdin !== undefined) void forwardInput(stdin, session.input.stdin);
  if (resize !== undefined) void readText(resize, session.input.resize);
  const out: ExecChannels = {
    signal: spdy.signal,
    write: (channel, chunk) => streams.get(channel)?.write(chunk),
    finish(status) {
      for (const type of ["stdout", "stderr"]) streams.get(type)?.end();
      const error = streams.get("error");
      void error?.write(Buffer.from(JSON.stringify(status)));
      for (const stream of streams.values()) stream.end();
      spdy.close();
    },
  };
  await session.run(handler, out);
  await spdy.closed;
}

async function forwardInput(
  from: SpdyStream,
  to: { push(chunk: Uint8Array): Promise<void> | undefined; end(): void },
): Promise<void> {
  for await (const chunk of from.incoming) await to.push(chunk);
  to.end();
}

async function readText(from: SpdyStream, take: (text: string) => void): Promise<void> {
  for await (const chunk of from.incoming) take(Buffer.from(chunk).toString());
}
