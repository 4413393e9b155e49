import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as sendRequest } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import type { KubeAccess } from "../../kube/index.ts";
import { generateKey, issueCertificate, readIssuer } from "../../pki/index.ts";

/** What goes wrong with one request. */
export type Fault =
  /** The server answers with an error of its own. */
  | "500"
  | "503"
  /** Another write came first. */
  | "409"
  /** The credentials are refused. */
  | "401"
  /** A balancer before the server answers in its place, with a page. */
  | "page"
  /** The connection breaks before the request arrives, or with the answer on its way, or in the midst of it. */
  | "reset before"
  | "reset after"
  | "half an answer"
  /** No answer ever comes. */
  | "silence";

/** A request on its way. */
export interface ProxiedRequest {
  /** From 0, since the rule was set. */
  readonly index: number;
  /** From 0, among those that change something; undefined for one that does not. */
  readonly change: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
  /** The program that sent it, as it says: "Helm/3.18". */
  readonly agent: string;
}

export type FaultRule = (request: ProxiedRequest) => Fault | undefined | Promise<Fault | undefined>;

/** A way to an API server, over sockets of its own, on which requests fail as a rule says. */
export interface FaultProxy {
  /** For a kubeconfig. With the token of the proxy's own, which stands for the credentials behind it. */
  readonly access: KubeAccess & { readonly token: string };
  /** Requests since the rule was set. */
  readonly count: number;
  /** Those of them that change something. */
  readonly changes: number;
  /** What counts from now on; undefined: nothing fails. Requests are counted anew. */
  setRule(rule: FaultRule | undefined): void;
  /** Breaks the connections of all watches that are open. */
  cutWatches(): void;
  stop(): Promise<void>;
}

const hour = 3_600_000;

/** Starts a proxy to `upstream` on a port of its own of 127.0.0.1, over TLS. */
export async function startFaultProxy(upstream: KubeAccess): Promise<FaultProxy> {
  const validity = { notBefore: Date.now() - hour, notAfter: Date.now() + 24 * hour };
  const [authority, key] = [generateKey(), generateKey()];
  const ca = issueCertificate(
    { publicKey: authority.publicKey, subject: { commonName: "fault proxies" }, ca: {}, ...validity },
    { selfKey: authority.privateKey },
  );
  const certificate = issueCertificate(
    { publicKey: key.publicKey, addresses: ["127.0.0.1"], ...validity },
    readIssuer(ca, authority.privateKeyPem),
  );
  const token = `token-${randomUUID()}`;
  const agent = new Agent({
    keepAlive: true,
    ca: upstream.ca,
    cert: upstream.clientCert,
    key: upstream.clientKey,
  });
  const watches = new Set<Duplex>();
  let rule: FaultRule | undefined;
  let [count, changes] = [0, 0];

  const describe = ({ method = "GET", url = "/", headers }: IncomingMessage): ProxiedRequest => {
    const { pathname, searchParams } = new URL(url, "https://proxy");
    const isChange = method !== "GET" && !searchParams.has("dryRun");
    return {
      index: count++,
      change: isChange ? changes++ : undefined,
      method,
      path: pathname,
      isWatch: ["true", "1"].includes(searchParams.get("watch") ?? ""),
      agent: headers["user-agent"] ?? "",
    };
  };
  const pass = (incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(upstream.server);
      const { host: _, connection: __, authorization: ___, ...headers } = incoming.headers;
      const outgoing = sendRequest(
        {
          ...{ agent, hostname, port, path: incoming.url, method: incoming.method },
          headers: {
            ...headers,
            ...(upstream.token === undefined ? {} : { authorization: `Bearer ${upstream.token}` }),
          },
        },
        resolve,
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = describe(incoming);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (incoming.headers.authorization !== `Bearer ${token}`) return refuse(response, 401, "who are you?");
    const fault = await rule?.(request);
    switch (fault) {
      case "500":
      case "503":
      case "401":
        return refuse(response, Number(fault), `told to answer ${fault}`);
      case "409":
        return refuse(response, 409, "Operation cannot be fulfilled: the object has been modified");
      case "page":
        response.writeHead(502, { "content-type": "text/html" });
        response.end("<html><body><h1>502 Bad Gateway</h1></body></html>");
        return;
      case "silence":
        return;
      case "reset before":
        incoming.socket.destroy();
        return;
    }
    const answer = await pass(incoming, body);
    if (request.isWatch) {
      watches.add(incoming.socket);
      response.once("close", () => watches.delete(incoming.socket));
    }
    if (fault === undefined) {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // The watch's first byte may be long in coming.
      response.flushHeaders();
      pipeline(answer, response, () => answer.destroy());
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    const whole = Buffer.concat(parts);
    if (fault === "half an answer" && whole.length > 1) {
      response.writeHead(answer.statusCode ?? 502, {
        "content-type": answer.headers["content-type"] ?? "application/json",
        "content-length": whole.length,
      });
      await new Promise((resolve) => response.write(whole.subarray(0, whole.length / 2), resolve));
    }
    incoming.socket.destroy();
  };

  const server = createServer({ key: key.privateKeyPem, cert: certificate }, (incoming, response) => {
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    access: { server: `https://127.0.0.1:${port}`, ca, token },
    get count() {
      return count;
    },
    get changes() {
      return changes;
    },
    setRule(next) {
      rule = next;
      [count, changes] = [0, 0];
    },
    cutWatches() {
      for (const socket of watches) socket.destroy();
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

function refuse(response: ServerResponse, code: number, message: string): void {
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code, message };
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(status));
}
