import type { IncomingMessage } from "node:http";
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import type { WebhookClientConfig } from "../../kube/index.ts";
import type { Store } from "../storage/store.ts";
import { resolveService } from "../subresources/resolve-service.ts";

/** Sends admission reviews to webhooks. */
export interface WebhookClient {
  /**
   * Posts `body` and gives back the JSON answer. Rejects with a WebhookFailure when there is none in time.
   */
  post(
    config: WebhookClientConfig,
    body: object,
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<unknown>;
  /** Closes idle connections. */
  stop(): void;
}

/** A webhook could not be asked. The message is worded as Kubernetes words it. */
export class WebhookFailure extends Error {
  override readonly name = "WebhookFailure";
}

/** Answers carry at most a patch of an object, base64 in JSON. */
const longestAnswer = 16 * 1024 * 1024;

/** A client that finds webhooks through `store` and connects by `dial`. */
export function createWebhookClient(parts: {
  readonly store: Store;
  dial(address: string, port: number): Socket;
}): WebhookClient {
  const agents = new Map<string, Agent>();
  const agentFor = (caBundle: string | undefined) => {
    const known = agents.get(caBundle ?? "");
    if (known !== undefined) return known;
    const options: AgentOptions = { keepAlive: true, maxSockets: 16, maxFreeSockets: 4, timeout: 30_000 };
    const made = new Agent(options);
    const ca = caBundle === undefined ? undefined : Buffer.from(caBundle, "base64").toString();
    made.createConnection = (connection) => {
      const { host, port, servername } = connection as { host?: string; port?: number; servername?: string };
      const socket = parts.dial(host ?? "", Number(port));
      return tlsConnect({
        socket,
        ...(servername === undefined ? {} : { servername }),
        ...(ca === undefined ? {} : { ca }),
      });
    };
    // A rotated bundle leaves its agent behind; a handful is more than anybody has.
    if (agents.size >= 32) {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    }
    agents.set(caBundle ?? "", made);
    return made;
  };

  return {
    post(config, body, timeoutSeconds, signal) {
      const place = placeOf(parts.store, config, timeoutSeconds);
      const payload = JSON.stringify(body);
      const fail = (why: string) =>
        new WebhookFailure(`failed to call webhook: Post ${JSON.stringify(place.url)}: ${why}`);
      if (place.problem !== undefined) return Promise.reject(fail(place.problem));
      const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
      const both = AbortSignal.any([deadline, signal]);
      const attempt = (isRetry: boolean): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const sent = httpsRequest(
            requestOptions(agentFor(config.caBundle), place, payload, both),
            (response) =>
              readAnswer(response).then(resolve, (reason: unknown) => {
                sent.destroy();
                reject(reason);
              }),
          );
          sent.on("error", (reason: NodeJS.ErrnoException) => {
            // A connection that was idle may have been closed at the other end just now.
            if (sent.reusedSocket && reason.code === "ECONNRESET" && !isRetry) resolve(attempt(true));
            else reject(fail(deadline.aborted ? "context deadline exceeded" : reasonText(reason, place)));
          });
          sent.end(payload);
        });
      return attempt(false);
    },
    stop() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

function requestOptions(agent: Agent, place: Place, payload: string, signal: AbortSignal): RequestOptions {
  return {
    agent,
    host: place.address,
    port: place.port,
    servername: place.serverName,
    method: "POST",
    path: place.path,
    headers: {
      host: place.host,
      "content-type": "application/json",
      accept: "application/json, */*",
      "content-length": Buffer.byteLength(payload),
    },
    signal,
  };
}

/** The JSON value that a webhook answers. Rejects with a WebhookFailure for anything else. */
async function readAnswer(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestAnswer) throw new WebhookFailure("failed to call webhook: the answer is too long");
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const code = response.statusCode ?? 0;
  if (code < 200 || code > 299)
    throw new WebhookFailure(`failed to call webhook: ${firstLine(text) || `the server answered ${code}`}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new WebhookFailure(
      "failed to call webhook: expected response of admission review, but got no JSON",
    );
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.slice(0, 300) ?? "";
}

/** The failure of a connection in the words of Go's network library, which operators look for. */
function reasonText(reason: NodeJS.ErrnoException, { address, port }: Place): string {
  switch (reason.code) {
    case "ECONNREFUSED":
      return `dial tcp ${address}:${port}: connect: connection refused`;
    case "ETIMEDOUT":
      return `dial tcp ${address}:${port}: i/o timeout`;
    case "ECONNRESET":
      return "read: connection reset by peer";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_SIGNATURE_FAILURE":
      return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    case "CERT_HAS_EXPIRED":
      return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
    default:
      return reason.message;
  }
}

interface Place {
  readonly url: string;
  readonly address: string;
  readonly port: number;
  readonly serverName: string;
  readonly host: string;
  readonly path: string;
  readonly problem?: string;
}

function placeOf(store: Store, { url, service }: WebhookClientConfig, timeout: number): Place {
  const nowhere = { address: "", port: 0, serverName: "", host: "", path: "/" };
  const waits = `timeout=${timeout}s`;
  if (service !== undefined) {
    const { namespace, name, port = 443, path = "/" } = service;
    const serverName = `${name}.${namespace}.svc`;
    const full = `${path}${path.includes("?") ? "&" : "?"}${waits}`;
    const shown = `https://${serverName}:${port}${full}`;
    const target = resolveService(store, namespace, name, port);
    if (typeof target === "string") return { ...nowhere, url: shown, problem: target };
    return { ...target, url: shown, serverName, host: `${serverName}:${port}`, path: full };
  }
  try {
    const parsed = new URL(url ?? "");
    const path = `${parsed.pathname}${parsed.search === "" ? "?" : `${parsed.search}&`}${waits}`;
    const port = parsed.port === "" ? 443 : Number(parsed.port);
    const isAddress = /^[\d.]+$|^\[/.test(parsed.hostname);
    return {
      url: `${parsed.origin}${path}`,
      address: parsed.hostname.replace(/^\[|\]$/g, ""),
      port,
      // Server names are names; an address has none (RFC 6066).
      serverName: isAddress ? "" : parsed.hostname,
      host: parsed.host,
      path,
    };
  } catch {
    return { ...nowhere, url: url ?? "", problem: "the url is no URL" };
  }
}
