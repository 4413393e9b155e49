import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { PodConnector } from "../contracts.ts";
import { child, children, number } from "../draft.ts";
import type { Answer, Call } from "../http/call.ts";
import { badRequest, notFound, serviceUnavailable } from "../status.ts";
import type { Context, Target } from "../verbs/context.ts";
import { found } from "../verbs/read.ts";
import { resolveService } from "./resolve-service.ts";

/** What proxying needs: the objects, and the ways to pods and addresses. */
export interface ProxyParts {
  readonly context: Context;
  readonly pods: PodConnector;
  dial(address: string, port: number): import("node:net").Socket;
}

/** Where a proxied request goes. */
interface Upstream {
  readonly secure: boolean;
  readonly host: string;
  open(): Promise<Duplex>;
}

/** Headers that belong to one connection (RFC 9110), and the client's own credentials. */
const dropped = new Set([
  "authorization",
  "connection",
  "cookie",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Answers what the app behind services/NAME/proxy or pods/NAME/proxy answers. */
export async function proxy(parts: ProxyParts, call: Call, target: Target, rest: string): Promise<Answer> {
  const upstream = upstreamOf(parts, target);
  const path = `/${rest}${call.query.size > 0 ? `?${call.query}` : ""}`;
  return forward(call, upstream, path);
}

/** Sends a call on to a server behind `upstream` and answers with what it says. Throws a 503 when nobody is there. */
export async function forward(
  call: Call,
  upstream: Upstream,
  path: string,
  extra: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<Answer> {
  const body = await call.readBody();
  const bytes =
    body.kind === "none"
      ? undefined
      : body.kind === "bytes"
        ? body.bytes
        : Buffer.from(JSON.stringify(body.value));
  const fail = (reason: unknown) =>
    serviceUnavailable(
      `error trying to reach service: ${reason instanceof Error ? reason.message : String(reason)}`,
    );
  const socket = await upstream.open().catch((reason: unknown) => {
    throw fail(reason);
  });
  const headers = Object.fromEntries(
    Object.entries(call.headers).filter(([name, value]) => value !== undefined && !dropped.has(name)),
  );
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        createConnection: () => socket,
        method: call.method,
        path,
        headers: {
          ...headers,
          ...extra,
          host: upstream.host,
          ...(bytes === undefined ? {} : { "content-length": bytes.length }),
        },
        signal: call.signal,
      },
      (response) => {
        resolve({
          kind: "stream",
          status: response.statusCode ?? 502,
          headers: answerHeaders(response.headers),
          chunks: response,
        });
      },
    );
    sent.once("error", (reason) => reject(fail(reason)));
    sent.end(bytes);
  });
}

function answerHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !dropped.has(name))
      kept[name] = Array.isArray(value) ? value.join(", ") : value;
  return kept;
}

/** The app that "NAME", "NAME:PORT" or "SCHEME:NAME:PORT" means. */
export function upstreamOf({ context, pods, dial }: ProxyParts, target: Target): Upstream {
  const { name, port, secure } = splitName(target.name ?? "");
  const namespace = target.namespace ?? "";
  const wrap = async (socket: Duplex) =>
    secure ? tlsConnect({ socket, rejectUnauthorized: false }) : socket;
  if (target.type.storedAs === "pods") {
    const pod = found(context, { ...target, name });
    const wanted = port === "" ? firstPort(pod) : Number(port);
    if (!Number.isInteger(wanted) || wanted < 1) throw badRequest(`invalid port ${JSON.stringify(port)}`);
    return {
      secure,
      host: `${name}:${wanted}`,
      open: async () => wrap(await pods.portForward({ namespace, name }, wanted)),
    };
  }
  const service = context.store.resource("services").get(`${namespace}/${name}`);
  if (service === undefined) throw notFound({ group: "", plural: "services" }, name);
  const ports = children(child(service, "spec"), "ports");
  const chosen = port === "" ? (ports.length === 1 ? number(ports[0], "port") : undefined) : port;
  const endpoint = chosen === undefined ? undefined : resolveService(context.store, namespace, name, chosen);
  if (endpoint === undefined || typeof endpoint === "string")
    throw serviceUnavailable(endpoint ?? `no endpoints available for service ${JSON.stringify(name)}`);
  return {
    secure,
    host: `${name}.${namespace}`,
    open: () => connected(dial(endpoint.address, endpoint.port)).then(wrap),
  };
}

/** Resolves when the socket has connected; rejects when it cannot. */
export function connected(socket: import("node:net").Socket): Promise<import("node:net").Socket> {
  return new Promise((resolve, reject) => {
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

function firstPort(pod: object): number {
  for (const container of children(
    child({ pod }, "pod")?.["spec"] as Record<string, unknown> | undefined,
    "containers",
  ))
    for (const port of children(container, "ports")) return number(port, "containerPort") ?? 80;
  return 80;
}

function splitName(text: string): { name: string; port: string; secure: boolean } {
  const parts = text.split(":");
  const [scheme, name = "", port = ""] = parts.length === 3 ? parts : ["", ...parts];
  return { name, port, secure: scheme === "https" };
}
