import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import type { Clock, Logger, Stop } from "../../base/index.ts";
import { isApiError, type KubeClient, kinds, managementNamespace, type Secret } from "../../kube/index.ts";
import { relayPort } from "../relay/protocol.ts";
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
  /** The management cluster, as the manager's account. */
  readonly client: KubeClient;
  /** Who it is among several managers: its pod's name. */
  readonly identity: string;
  /** DNS suffix of exported services; undefined: nothing gets a name in other clusters. */
  readonly hostSuffix: string | undefined;
  /** Binds the port to which agents connect. */
  listen(port: number, onConnection: (socket: Socket) => void): Promise<Stop>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs one of the managers of a management cluster: agents call it, and it acts while it holds the Lease. */
export async function runManager(options: ManagerProcessOptions): Promise<Stop> {
  const { client, clock, log } = options;
  const stopped = new AbortController();
  setMaxListeners(0, stopped.signal);
  let isLeader = false;
  const certificate = await relayCertificate(client, clock.now());
  const relay = startRelay({
    ...certificate,
    authenticate: (token) => clusterOf(client, token),
    isLeader: () => isLeader,
    clock,
    log,
  });
  const close = await options.listen(relayPort, (socket) => relay.accept(socket));
  holdLeadership({
    ...{ client, namespace: managementNamespace, name: "manager", identity: options.identity },
    lead(signal) {
      isLeader = true;
      signal.addEventListener("abort", () => {
        isLeader = false;
        relay.dropAll();
      });
      startManager({ client, connections: relay, hostSuffix: options.hostSuffix, signal, log });
    },
    clock,
    log,
    signal: stopped.signal,
  });
  return async () => {
    stopped.abort();
    relay.stop();
    await close();
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
