import http from "node:http";
import {
  type Answer,
  countedArrivals,
  isMutualTls,
  type PodRef,
  shakeHands,
  type VerifyTarget,
} from "../verify/index.ts";
import { getText } from "./http-get.ts";
import { httpProxyPort } from "./pod-address.ts";
import type { RunningMesh } from "./start-mesh.ts";

const requestTimeout = 15_000;
const adminPort = 15000;

/** The embedded mesh, as verify sees it: requests enter a pod where its own programs' requests do. */
export function verifyTarget(mesh: RunningMesh): VerifyTarget {
  const addressOf = ({ cluster, name, namespace }: PodRef) =>
    mesh.watches.get(cluster)?.pods.get(name, namespace)?.status?.podIP;
  const request = async (from: PodRef, url: string, signal: AbortSignal): Promise<Answer> => {
    const host = addressOf(from);
    return host === undefined
      ? { status: 0, milliseconds: 0, failure: `${from.name} has no address` }
      : getThrough(host, new URL(url), mesh.dispatcherAuthorization, signal);
  };
  const statsOf = async (pod: PodRef) => {
    const host = addressOf(pod);
    return host === undefined ? new Map() : parseStats(await getText(`http://${host}:${adminPort}/stats`));
  };
  return {
    clusters: [...mesh.clusters].map(([name, { client, cluster }]) => ({
      name,
      network: cluster.network,
      client,
    })),
    async requests(from, url, count, signal) {
      const answers: Answer[] = [];
      // One after another: what is measured is a request, not a queue.
      while (answers.length < count) answers.push(await request(from, url, signal));
      return answers;
    },
    arrivals: async (pod, port) => ({ requests: countedArrivals(await statsOf(pod), port) }),
    speaksMutualTls: async (from, service) => isMutualTls(await statsOf(from), service),
    silence: async (pod, port) =>
      (await listens(mesh, pod, port)) ? undefined : `nothing listens on port ${port}`,
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
