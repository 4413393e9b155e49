import { setMaxListeners } from "node:events";
import { type Clock, createMetrics, type Logger, pause, startAll } from "../../base/index.ts";
import {
  type ApiTransport,
  createKubeClient,
  isApiError,
  type KubeClient,
  kinds,
  managementNamespace,
  type Secret,
} from "../../kube/index.ts";
import type { Listen, ManagementProcess } from "../process/contracts.ts";
import { countRequests } from "../process/count-requests.ts";
import { startOperations } from "../process/start-operations.ts";
import { createRelayCertificate, type RelayCertificate } from "../relay/relay-certificate.ts";
import { startRelay } from "../relay/start-relay.ts";
import { holdLeadership } from "./hold-leadership.ts";
import { startManager } from "./start-manager.ts";

/** Where the manager keeps its certificate and the CA that agents know it by. */
export const relaySecret = "relay-tls";
/** The account, on the management cluster, as which a cluster's agent is known. */
export const agentAccount = (cluster: string): string => `agent-${cluster}`;

const accountPattern = new RegExp(`^system:serviceaccount:${managementNamespace}:agent-(.+)$`);

export interface ManagerProcessOptions {
  /** The API of the management cluster, as the manager's account. */
  readonly api: ApiTransport;
  /** Who it is among several managers: its pod's name. */
  readonly identity: string;
  /** DNS suffix of exported services; undefined: nothing gets a name in other clusters. */
  readonly hostSuffix: string | undefined;
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long an end waits for the Lease to be given back, in milliseconds; it runs out by itself. */
const givenBackWithin = 3_000;
/** How long after its last answer about the Lease the API counts as away, in milliseconds. */
const quietAfter = 20_000;

/**
 * Runs one of the managers of a management cluster: agents call it, and it acts while it holds the Lease. It is ready as
 * long as the API of its cluster answers, whether it leads or not.
 */
export async function runManager(options: ManagerProcessOptions): Promise<ManagementProcess> {
  const { clock, log } = options;
  const stopped = new AbortController();
  setMaxListeners(0, stopped.signal);
  const metrics = createMetrics();
  const client = createKubeClient(countRequests(options.api, metrics));
  let isLeader = false;
  let heardAt = Number.NEGATIVE_INFINITY;
  const certificate = await relayCertificate(client, clock.now());
  const relay = startRelay({
    ...certificate,
    authenticate: (token) => clusterOf(client, token),
    isLeader: () => isLeader,
    clock,
    log,
  });
  metrics.gauge("isthmus_manager_leader", "Whether this manager is the one that acts.", () =>
    Number(isLeader),
  );
  metrics.gauge(
    "isthmus_manager_agent_connected",
    "Whether a cluster's agent is connected to this manager.",
    () => [...relay.connections()].map(([cluster, { isConnected }]) => [{ cluster }, Number(isConnected)]),
  );
  metrics.gauge(
    "isthmus_manager_agent_last_seen_timestamp_seconds",
    "When a cluster's agent was last heard of, in seconds since 1970.",
    () => [...relay.connections()].map(([cluster, { lastSeen }]) => [{ cluster }, lastSeen / 1000]),
  );
  const notReady = () =>
    clock.now() - heardAt < quietAfter ? undefined : "the API of the management cluster does not answer";
  const close = await startAll([
    async () => async () => relay.stop(),
    () => options.listen("relay", (socket) => relay.accept(socket)),
    () => startOperations({ listen: options.listen, notReady, metrics }),
  ]);
  const leadership = holdLeadership({
    ...{ client, namespace: managementNamespace, name: "manager", identity: options.identity },
    lead(signal) {
      isLeader = true;
      signal.addEventListener("abort", () => {
        isLeader = false;
        relay.dropAll();
      });
      startManager({ client, connections: relay, hostSuffix: options.hostSuffix, signal, log });
    },
    heard() {
      heardAt = clock.now();
    },
    clock,
    log,
    signal: stopped.signal,
  });
  return {
    notReady,
    metrics,
    async stop() {
      stopped.abort();
      await Promise.race([leadership, pause(clock, givenBackWithin)]);
      await close();
    },
  };
}

/** The cluster whose agent the token is of, as the API server of the management cluster says. */
async function clusterOf(client: KubeClient, token: string): Promise<string | undefined> {
  const review = (await client.post("/apis/authentication.k8s.io/v1/tokenreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token },
  })) as {
    readonly status?: { readonly authenticated?: boolean; readonly user?: { readonly username?: string } };
  };
  if (review.status?.authenticated !== true) return undefined;
  const cluster = accountPattern.exec(review.status.user?.username ?? "")?.[1];
  if (cluster === undefined) return undefined;
  const registered = await client.get(kinds.kubernetesClusters, cluster, managementNamespace);
  return registered === undefined ? undefined : cluster;
}

/** Made by the first manager that starts, and kept: agents were told of its CA. */
async function relayCertificate(client: KubeClient, now: number): Promise<RelayCertificate> {
  const kept = await client.get(kinds.secrets, relaySecret, managementNamespace);
  const read = (name: string) => Buffer.from(kept?.data?.[name] ?? "", "base64").toString();
  if (kept !== undefined) return { ca: read("ca.crt"), cert: read("tls.crt"), key: read("tls.key") };
  const made = createRelayCertificate(now);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name: relaySecret, namespace: managementNamespace },
    data: { "ca.crt": base64(made.ca), "tls.crt": base64(made.cert), "tls.key": base64(made.key) },
  };
  try {
    await client.create(kinds.secrets, secret);
    return made;
  } catch (reason) {
    // Another manager was faster; its certificate is the one.
    if (isApiError(reason, 409)) return relayCertificate(client, now);
    throw reason;
  }
}
