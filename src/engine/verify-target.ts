import http from "node:http";
import tls from "node:tls";
import { generateKey, issueCertificate } from "../pki/index.ts";
import type { Answer, Handshake, PodRef, VerifyTarget } from "../verify/index.ts";
import { httpProxyPort } from "./control-handlers.ts";
import { getText } from "./http-get.ts";
import type { RunningMesh } from "./start-mesh.ts";

const requestTimeout = 15_000;
const handshakeTimeout = 3_000;
const adminPort = 15000;

/** The embedded mesh, as verify sees it: requests enter a pod where its own programs' requests do. */
export function verifyTarget(mesh: RunningMesh): VerifyTarget {
  const addressOf = ({ cluster, name, namespace }: PodRef) =>
    mesh.watches.get(cluster)?.pods.get(name, namespace)?.status?.podIP;
  return {
    clusters: [...mesh.clusters].map(([name, { client, cluster }]) => ({
      name,
      network: cluster.network,
      client,
    })),
    async request(from, url, signal) {
      const host = addressOf(from);
      return host === undefined
        ? { status: 0, milliseconds: 0, failure: `${from.name} has no address` }
        : getThrough(host, new URL(url), mesh.dispatcherAuthorization, signal);
    },
    async proxyStats(pod) {
      const host = addressOf(pod);
      return host === undefined ? new Map() : parseStats(await getText(`http://${host}:${adminPort}/stats`));
    },
    listens: (pod, port) => listens(mesh, pod, port),
    handshake: ({ address, port }, options) => shakeHands(address, mesh.realPort(address, port), options),
  };
}

/** Whether a connection to the app itself, past the sidecar, is taken. */
async function listens(
  mesh: RunningMesh,
  { cluster, namespace, name }: PodRef,
  port: number,
): Promise<boolean> {
  try {
    const socket = await mesh.clusters.get(cluster)?.runtime.portForward({ namespace, name }, port);
    socket?.destroy();
    return socket !== undefined;
  } catch {
    return false;
  }
}

/** Envoy's text form: one "name: value" a line; histograms are left out. */
function parseStats(text: string): Map<string, number> {
  const stats = new Map<string, number>();
  for (const line of text.split("\n")) {
    const colon = line.lastIndexOf(": ");
    const value = Number(line.slice(colon + 2));
    if (colon <= 0 || !Number.isFinite(value)) continue;
    // Istio ends a cluster's name in counters with a semicolon, so that it can be told from what follows.
    stats.set(line.slice(0, colon).replace(/^(cluster\.[^;]*);\./, "$1."), value);
  }
  return stats;
}

function getThrough(host: string, url: URL, authorization: string, signal: AbortSignal): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, failure?: string) =>
      resolve({
        status,
        milliseconds: performance.now() - started,
        ...(failure === undefined ? {} : { failure }),
      });
    const request = http.request({
      host,
      port: httpProxyPort,
      path: url.href,
      headers: {
        host: url.host,
        "user-agent": "isthmus-verify",
        connection: "close",
        "proxy-authorization": authorization,
      },
      agent: false,
      timeout: requestTimeout,
      signal,
    });
    request.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        if (text.length < 200) text += chunk.toString("utf8");
      });
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        done(status, status >= 500 ? `HTTP ${status} ${text.slice(0, 200).trim()}` : undefined);
      });
      response.on("error", (reason) => done(0, reason.message));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${requestTimeout / 1000} s`)));
    request.on("error", (reason) => done(0, reason.message));
    request.end();
  });
}

/** A handshake as a stranger tries it. TLS 1.3 servers refuse a client's certificate after the client is done, so one byte is awaited. */
function shakeHands(
  host: string,
  port: number,
  options: { readonly serverName?: string; readonly foreignCertificate: boolean },
): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      ...(options.foreignCertificate
        ? { ...foreignIdentity(), ALPNProtocols: ["istio-peer-exchange", "istio"] }
        : {}),
    });
    const done = (accepted: boolean, detail: string) => {
      socket.destroy();
      resolve({ accepted, detail });
    };
    socket.on("secureConnect", () => {
      if (!options.foreignCertificate) return done(true, "the handshake completed");
      socket.write("GET / HTTP/1.1\r\nhost: isthmus-verify\r\nconnection: close\r\n\r\n");
    });
    socket.on("data", () => done(true, "an answer came"));
    socket.on("end", () => done(false, "closed without an answer"));
    socket.on("error", (reason: NodeJS.ErrnoException) => done(false, reason.code ?? reason.message));
    socket.on("close", () => done(false, "closed"));
    socket.setTimeout(handshakeTimeout, () => done(false, "no answer"));
  });
}

function foreignIdentity(): { readonly key: string; readonly cert: string } {
  const key = generateKey();
  const now = Date.now();
  const cert = issueCertificate(
    {
      publicKey: key.publicKey,
      uris: ["spiffe://cluster.local/ns/istio-system/sa/stranger"],
      notBefore: now - 60_000,
      notAfter: now + 3600_000,
    },
    { selfKey: key.privateKey },
  );
  return { key: key.privateKeyPem, cert };
}
