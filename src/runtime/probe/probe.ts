import type { Socket } from "node:net";
import type { Probe } from "../../kube/index.ts";
import type { Destination } from "../contracts.ts";

/** What one probe saw; `message` is a kubelet's text for a failure. */
export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Where the probes of one container go. */
export interface ProbeTarget {
  /** The pod's address, which messages name. */
  readonly podAddress: string;
  /** Number of a named or numbered port of the container; undefined when it has no such port. */
  port(port: number | string): number | undefined;
  /** A connection that is opening; for the pod's own address it leads to the app, or the proxy, that has the port. */
  dial(to: Destination): Socket;
  /** Runs a command in the container; resolves with its output when it ended or was killed by `signal`. */
  exec(
    command: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
}

const ok: ProbeResult = { ok: true };

/** Asks once. Takes `probe.timeoutSeconds` (default 1) at most; never rejects. */
export async function runProbe(probe: Probe, target: ProbeTarget, userAgent: string): Promise<ProbeResult> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.httpGet !== undefined) return probeHttp(probe.httpGet, target, timeout, userAgent);
  if (probe.tcpSocket !== undefined) return probeTcp(probe.tcpSocket, target, timeout);
  if (probe.grpc !== undefined) {
    const { port, service = "" } = probe.grpc;
    const { probeGrpc } = await import("./grpc-probe.ts");
    return probeGrpc({ target, port, service, timeout });
  }
  if (probe.exec !== undefined) return probeExec(probe.exec.command ?? [], target, timeout);
  return ok;
}

/** What a probe connects to, which is the pod unless it names another host; undefined for a port without number. */
function destination(
  { port, host = "" }: { readonly port: number | string; readonly host?: string },
  target: ProbeTarget,
): Destination | undefined {
  const number = target.port(port);
  return number === undefined ? undefined : { address: host === "" ? target.podAddress : host, port: number };
}

async function probeTcp(
  socket: NonNullable<Probe["tcpSocket"]>,
  target: ProbeTarget,
  timeout: number,
): Promise<ProbeResult> {
  const place = destination(socket, target);
  if (place === undefined) return noPort(socket.port);
  return new Promise((resolve) => {
    const connection = target.dial(place);
    const end = (result: ProbeResult) => {
      connection.destroy();
      resolve(result);
    };
    connection.setTimeout(timeout, () => end({ ok: false, message: `dial tcp ${text(place)}: i/o timeout` }));
    connection.on("connect", () => end(ok));
    connection.on("error", (reason) => end({ ok: false, message: dialFailure(place, reason) }));
  });
}

/** More of an answer than this says nothing about health. */
const mostAnswer = 10 * 1024;

async function probeHttp(
  get: NonNullable<Probe["httpGet"]>,
  target: ProbeTarget,
  timeout: number,
  userAgent: string,
): Promise<ProbeResult> {
  const place = destination(get, target);
  if (place === undefined) return noPort(get.port);
  const isTls = get.scheme?.toUpperCase() === "HTTPS";
  const path =
    get.path === undefined || get.path === "" ? "/" : get.path.startsWith("/") ? get.path : `/${get.path}`;
  const url = `${isTls ? "https" : "http"}://${text(place)}${path}`;
  const headers: Record<string, string> = {
    host: text(place),
    "user-agent": userAgent,
    accept: "*/*",
    connection: "close",
  };
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const [{ request }, tls] = await Promise.all([import("node:http"), isTls ? import("node:tls") : undefined]);
  return new Promise((resolve) => {
    const end = (result: ProbeResult) => {
      clearTimeout(timer);
      call.destroy();
      resolve(result);
    };
    const call = request({
      // Kubelets don't check certificates either: the probe asks for life, not for identity.
      createConnection: () =>
        tls === undefined
          ? target.dial(place)
          : tls.connect({ socket: target.dial(place), rejectUnauthorized: false }),
      path,
      method: "GET",
      headers,
    });
    const timer = setTimeout(() => {
      const message = `Get ${JSON.stringify(url)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
      end({ ok: false, message });
    }, timeout);
    call.on("error", (reason) =>
      end({ ok: false, message: `Get ${JSON.stringify(url)}: ${dialFailure(place, reason)}` }),
    );
    call.on("response", (response) => {
      const status = response.statusCode ?? 0;
      const result: ProbeResult =
        status >= 200 && status < 400
          ? ok
          : { ok: false, message: `HTTP probe failed with statuscode: ${status}` };
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > mostAnswer) end(result);
      });
      response.on("end", () => end(result));
      response.on("error", () => end(result));
    });
    call.end();
  });
}

async function probeExec(
  command: readonly string[],
  target: ProbeTarget,
  timeout: number,
): Promise<ProbeResult> {
  const expired = new AbortController();
  const timer = setTimeout(() => expired.abort(), timeout);
  try {
    const { exitCode, output } = await target.exec(command, expired.signal);
    if (expired.signal.aborted) {
      return {
        ok: false,
        message: `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${timeout / 1000}s`,
      };
    }
    return exitCode === 0 ? ok : { ok: false, message: output };
  } catch (reason) {
    return { ok: false, message: reason instanceof Error ? reason.message : String(reason) };
  } finally {
    clearTimeout(timer);
  }
}

function noPort(port: number | string): ProbeResult {
  return { ok: false, message: `couldn't find port: ${JSON.stringify(port)}` };
}

function text({ address, port }: Destination): string {
  return `${address}:${port}`;
}

function dialFailure(to: Destination, reason: Error): string {
  const { code } = reason as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return `dial tcp ${text(to)}: connect: connection refused`;
  if (code === "ETIMEDOUT") return `dial tcp ${text(to)}: i/o timeout`;
  if (code === "EHOSTUNREACH") return `dial tcp ${text(to)}: connect: no route to host`;
  if (code === "ECONNRESET") return `read tcp ${text(to)}: read: connection reset by peer`;
  return reason.message;
}
