import type { RawData } from "ws";
import { IsthmusError } from "../base/index.ts";
import { ApiError } from "./api-error.ts";
import type { HttpTransportOptions } from "./http-transport.ts";
import { isJsonObject } from "./patch/json-value.ts";

/** A command for a container of a pod. */
export interface PodCommand {
  readonly namespace: string;
  readonly pod: string;
  /** Absent: the one that Kubernetes takes. */
  readonly container?: string;
  readonly command: readonly string[];
}

/** What a command did in a container. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Channels of Kubernetes' remote command protocols over WebSocket: the first byte of every message. */
const channels = { stdout: 1, stderr: 2, error: 3 } as const;
/** Best first; every Kubernetes that is in use speaks one of them. */
const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/** Most bytes that are kept of each stream. */
const mostBytes = 4 * 1024 * 1024;
const openTimeout = 15_000;

/**
 * Runs a command in a container over a WebSocket to the Kubernetes API, without input. Resolves when it has ended, with its
 * exit code; rejects with ApiError when the API server refuses, with cluster/unreachable when the connection breaks.
 */
export async function execInPod(
  access: HttpTransportOptions,
  { namespace, pod, container, command }: PodCommand,
  signal: AbortSignal,
): Promise<CommandResult> {
  signal.throwIfAborted();
  const { WebSocket } = await import("ws");
  const url = new URL(access.server);
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v1/namespaces/${namespace}/pods/${pod}/exec`;
  url.search = String(
    new URLSearchParams([
      ...command.map((word): [string, string] => ["command", word]),
      ["stdout", "true"],
      ["stderr", "true"],
      ...(container === undefined ? [] : [["container", container] as [string, string]]),
    ]),
  );
  const token = (await access.tokens?.current()) ?? access.token;
  const socket = new WebSocket(url, protocols, {
    handshakeTimeout: openTimeout,
    maxPayload: mostBytes,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(access.ca === undefined ? {} : { ca: access.ca }),
    ...(access.clientCert === undefined ? {} : { cert: access.clientCert }),
    ...(access.clientKey === undefined ? {} : { key: access.clientKey }),
    ...(access.serverName === undefined ? {} : { servername: access.serverName }),
    rejectUnauthorized: access.insecure !== true,
  });
  return new Promise((resolve, reject) => {
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let size = 0;
    let status: unknown;
    const abort = () => {
      socket.terminate();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const settle = (end: () => void) => {
      signal.removeEventListener("abort", abort);
      end();
    };
    const broken = (detail: string, cause?: unknown) =>
      settle(() =>
        reject(
          new IsthmusError("cluster/unreachable", `exec in ${namespace}/${pod} broke off: ${detail}`, {
            cause,
          }),
        ),
      );
    socket.on("unexpected-response", (_request, response) => {
      response.resume();
      const code = response.statusCode ?? 0;
      settle(() => reject(refusal(code, `exec in ${namespace}/${pod}: the API server answers ${code}`)));
      socket.terminate();
    });
    socket.on("message", (data) => {
      const message = bytesOf(data);
      const chunk = message.subarray(1);
      if (message[0] === channels.error) status = JSON.parse(chunk.toString("utf8"));
      else if (message[0] === channels.stdout || message[0] === channels.stderr) {
        size += chunk.length;
        if (size > mostBytes) {
          broken(`it writes more than ${mostBytes} bytes`);
          socket.terminate();
        } else output[message[0] === channels.stdout ? "stdout" : "stderr"].push(chunk);
      }
    });
    socket.on("error", (reason) => broken(reason.message, reason));
    socket.on("close", () => {
      const exitCode = exitCodeOf(status);
      if (exitCode === undefined) return broken("the connection closed before the command had ended");
      settle(() =>
        resolve({
          exitCode,
          stdout: Buffer.concat(output.stdout).toString("utf8"),
          stderr: Buffer.concat(output.stderr).toString("utf8"),
        }),
      );
    });
  });
}

/** Of the Status that ends a session; undefined when none came. What could not be started counts as 126, as in a shell. */
function exitCodeOf(status: unknown): number | undefined {
  if (!isJsonObject(status)) return undefined;
  if (status["status"] === "Success") return 0;
  const details = isJsonObject(status["details"]) ? status["details"] : {};
  const causes: unknown[] = Array.isArray(details["causes"]) ? details["causes"] : [];
  const exit = causes.filter(isJsonObject).find(({ reason }) => reason === "ExitCode");
  return exit === undefined ? 126 : Number(exit["message"]);
}

function refusal(code: number, message: string): ApiError {
  return new ApiError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code, message });
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
